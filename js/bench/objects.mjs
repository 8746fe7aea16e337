// node bench/objects.mjs: a sealed record from two JavaScript objects, by the images that leave out what is equal, by
// whole images that are checked, and by JSON.stringify alone; beside them microdiff, which finds the differences and
// makes no record. Microseconds of CPU time for one. Objects from a seed, changed in 1 and in 100 % of their items.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import microdiff from 'microdiff'
import { changeText } from '../sealtrail/src/change.js'
import { Images } from '../sealtrail/src/images.js'

const files = new URL('../sealtrail/dist/wasm/', import.meta.url)
const glue = await import(new URL('sealtrail.js', files))
glue.initSync({ module: await readFile(new URL('sealtrail_bg.wasm', files)) })

const policy = {
  id: 'bench', version: '1', default: 'keep', secrets: false,
  rules: [{ select: '$.rows[*].contact.email', action: 'seal', group: 'contact' }, { select: '$.customer', action: 'seal' }],
}
const encoder = new TextEncoder()
const context = encoder.encode('{"correlation_id":"bench"}')
const stamp = encoder.encode(JSON.stringify({
  origin: 'bench', id: '019aa6c5-8f00-7000-8000-0000000000ab', recorded_time: '2026-11-21T19:45:00.047Z',
  engine: { version: '0.1.0', sha256: '0'.repeat(64) },
}))

for (const rows of [1, 10, 100, 1000, 5000]) for (const share of [0.01, 1]) run(rows, share)

function run(rows, share) {
  const before = { id: 7, customer: 'Ada', rows: Array.from({ length: rows }, (_, i) => row(i)) }
  const after = structuredClone(before)
  const step = Math.ceil(1 / share)
  for (let i = rows >> 1; i < rows + (rows >> 1); i += step) change(after.rows[i % rows])
  const given = { entity: { type: 'order', id: '7' }, action: 'update', before, after }

  const capture = new glue.Capture(encoder.encode(JSON.stringify(policy)))
  const images = new Images(capture.pruning)
  // The same nonces again are for a benchmark only.
  let entropy = new Uint8Array(12 * 2 * (rows + 1))
  const seal = (text) => capture.record(encoder.encode(text), context, stamp, entropy)
  capture.lendSubject('order/7', 'k_bench', new Uint8Array(32).fill(1))
  capture.lendPeriod('standard', 't_standard.2026-11', new Uint8Array(32).fill(2))
  const ways = {
    images: () => seal(changeText(given, '{}', { images })),
    whole: () => seal(changeText(given, '{}')),
    stringify: () => seal(JSON.stringify(given)),
    'images alone': () => changeText(given, '{}', { images }),
    microdiff: () => microdiff(before, after),
  }
  assert.deepEqual(ways.images(), ways.whole())
  entropy = new Uint8Array(12 * capture.nonces)
  const size = JSON.stringify(before).length
  const figures = Object.entries(ways).map(([name, work]) => [name, time(work)])
  console.log(`${(size / 1000).toFixed(1)} kB, ${share * 100} %:`, figures.map(([name, us]) => `${name} ${us.toFixed(1)}`).join(', '))
}

function row(i) {
  return { id: i, name: `item ${i}`, price: i * 1.25, on: i % 3 === 0, contact: { email: `p${i}@example.org`, name: `Person ${i}` }, tags: ['a', `t${i % 9}`], note: 'as it was ordered in the beginning' }
}

function change(row) {
  row.price += 1
  row.contact.email = `new-${row.contact.email}`
}

/** The least of five, since whatever else runs only adds. */
function time(work) {
  const start = performance.now()
  let calls = 0
  do calls++ && work()
  while (performance.now() - start < 200)
  const each = Math.max(1, Math.floor(calls / 4))
  const rounds = Array.from({ length: 5 }, () => {
    const from = process.cpuUsage()
    for (let i = 0; i < each; i++) work()
    const { user, system } = process.cpuUsage(from)
    return (user + system) / each
  })
  return Math.min(...rounds)
}
