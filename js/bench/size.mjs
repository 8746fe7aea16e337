// node bench/size.mjs FOLDER: how large what a page and a service load of the core is, and how long the first record takes
// after it is compiled, with the first workload of a folder; prints figures as JSON.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { compiled, edge, sealer } from './edge.mjs'
import { correlationId, engine, keys, origin, recordedTime, recordId } from './record.mjs'

const js = new URL('../', import.meta.url)
const folder = process.argv[2]
const [{ stem }] = JSON.parse(await readFile(join(folder, 'workloads.json'), 'utf8'))
const [policy, change] = await Promise.all(['policy', 'change'].map((part) => readFile(join(folder, `${stem}.${part}.json`))))

const page = ['console/dist/guest.wasm', 'console/dist/proof.wasm', 'sealtrail/dist/wasm/proof.js']
const service = ['sealtrail/dist/wasm/sealtrail_bg.wasm', 'sealtrail/dist/wasm/sealtrail.js']
const files = { page: await sizes(page), service: await sizes(service) }
console.log(JSON.stringify({ files, first: { guest: await firstOfGuest(), package: await firstOfPackage() } }))

async function sizes(names) {
  const found = {}
  for (const name of names) {
    const bytes = await readFile(new URL(name, js))
    const brotli = brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } })
    found[name] = { raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotli.length }
  }
  return found
}

/** Milliseconds of each step from the compiled module to the first record, of the middle of some runs. */
async function firstOfGuest() {
  const module = await WebAssembly.compile(await readFile(new URL('console/dist/guest.wasm', js)))
  const stamp = JSON.stringify({ origin, id: recordId, recorded_time: recordedTime, engine })
  return middle(async () => {
    const { exports } = await WebAssembly.instantiate(module, {})
    const call = (name, ...parts) => guestCall(exports, name, parts)
    call('policy', policy)
    call('read', change)
    const { needs, nonces } = JSON.parse(call('plan', Buffer.from(JSON.stringify({ correlation_id: correlationId }))))
    const pairs = needs.flatMap(() => [Buffer.from(keys.subjectKid), keys.subjectKey, Buffer.from(keys.periodKid), keys.periodKey])
    return call('seal', Buffer.from(stamp), Buffer.alloc(12 * nonces), ...pairs)
  })
}

async function firstOfPackage() {
  const module = await compiled()
  let run = 0
  return middle(async () => sealer(await edge(module, `?first=${run++}`), policy)(change))
}

function guestCall(exports, name, parts) {
  const input = Buffer.concat(parts.flatMap((part) => [Buffer.from(Uint32Array.of(part.length).buffer), part]))
  const pointer = exports.alloc(input.length)
  new Uint8Array(exports.memory.buffer, pointer, input.length).set(input)
  const result = BigInt.asUintN(64, exports[name](pointer, input.length))
  const output = Buffer.from(exports.memory.buffer, Number(result >> 32n), Number(result & 0xffffffffn))
  if (output[0] !== 0) throw new Error(output.toString('utf8', 1))
  return output.toString('utf8', 1)
}

async function middle(work) {
  const times = []
  for (let i = 0; i < 15; i++) {
    const start = performance.now()
    await work()
    times.push(performance.now() - start)
  }
  return { first: times[0], middle: times.sort((a, b) => a - b)[7] }
}
