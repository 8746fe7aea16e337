// node append.mjs FILE WRITERS BYTES MS: what a Node service does that keeps an audit file by itself. Each
// writer appends a line and waits for its sync. Prints what a part of `cargo xtask bench log` prints.
import { open } from 'node:fs/promises'

const [file, writers, bytes, span] = [process.argv[2], ...process.argv.slice(3).map(Number)]
const line = `"${'x'.repeat(bytes - 3)}"\n`
const handle = await open(file, 'a')
const latencies = []
const start = performance.now()

async function writer() {
  while (performance.now() - start < span) {
    const before = performance.now()
    await handle.appendFile(line)
    await handle.datasync()
    latencies.push(performance.now() - before)
  }
}

await Promise.all(Array.from({ length: writers }, writer))
const seconds = (performance.now() - start) / 1000
await handle.close()
latencies.sort((a, b) => a - b)
const at = (share) => latencies[Math.floor(latencies.length * share)]
console.log(JSON.stringify({
  rate: latencies.length / seconds,
  p50_ms: at(0.5),
  p99_ms: at(0.99),
  megabytes: process.resourceUsage().maxRSS / 1024,
}))
