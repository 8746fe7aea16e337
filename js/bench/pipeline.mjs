// node bench/pipeline.mjs FOLDER: times sealed records from bytes, ours and in JavaScript, for every *.change.json of a
// folder, and prints microseconds per record as JSON. Both must give the same changes and seals.
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as glue from '../sealtrail/dist/wasm/sealtrail.js'
import { JavascriptPipeline } from './javascript.mjs'

const folder = process.argv[2]
const bytes = await readFile(new URL('../sealtrail/dist/wasm/sealtrail_bg.wasm', import.meta.url))
glue.initSync({ module: await WebAssembly.compile(bytes) })

const scope = { origin: 'bench', recordId: '019aa6c5-8f00-7000-8000-0000000000ab', nonce: Buffer.alloc(12) }
const stamp = {
  origin: scope.origin, id: scope.recordId, recorded_time: '2026-11-21T19:45:00.047Z',
  engine: { version: '0.1.0', sha256: '0'.repeat(64) },
}
const keys = { subjectKid: 'k_bench', subjectKey: Buffer.alloc(32, 1), periodKid: 't_standard.2026-11', periodKey: Buffer.alloc(32, 2) }
const context = new TextEncoder().encode('{"correlation_id":"bench"}')
const decoder = new TextDecoder()

const results = {}
for (const file of (await readdir(folder)).filter((name) => name.endsWith('.change.json'))) {
  const name = file.split('.')[0]
  const change = await readFile(join(folder, file))
  const policy = await readFile(join(folder, `${name}.policy.json`))
  const capture = new glue.Capture(policy)
  const javascript = new JavascriptPipeline(policy, scope)

  const ours = () => {
    capture.read(change)
    const { needs, nonces } = capture.plan(context)
    return capture.seal(stamp, new Uint8Array(12 * nonces), needs.map(() => keys))
  }
  const theirs = () => javascript.run(change.toString(), () => keys)

  const { changes, seals } = JSON.parse(decoder.decode(ours())).data
  assert.deepEqual({ changes, seals }, JSON.parse(theirs()), `${name}: both must give the same record`)

  const rounds = Math.max(3, Math.min(2000, Math.floor(2_000_000 / change.length)))
  const measured = { wasm: [], javascript: [], parse: [] }
  for (let i = 0; i < 9; i++) {
    measured.wasm.push(time(ours, rounds))
    measured.javascript.push(time(theirs, rounds))
    measured.parse.push(time(() => JSON.parse(change.toString()), rounds))
  }
  results[name] = Object.fromEntries(Object.entries(measured).map(([what, times]) => [what, times.sort((a, b) => a - b)[4]]))
}
console.log(JSON.stringify(results))

function time(work, rounds) {
  const start = performance.now()
  for (let i = 0; i < rounds; i++) work()
  return ((performance.now() - start) * 1000) / rounds
}
