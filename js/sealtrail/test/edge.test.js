import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import test from 'node:test'
import * as glue from '../dist/wasm/sealtrail.js'

const module = await WebAssembly.compile(await readFile(new URL('../dist/wasm/sealtrail_bg.wasm', import.meta.url)))
const { memory } = glue.initSync({ module })
const policy = Buffer.from(JSON.stringify({ id: 'p', version: '1', default: 'keep', rules: [{ select: '$.email', action: 'seal' }] }))
const stamp = { origin: 'o', id: '019aa6c5-8f00-7000-8000-0000000000ab', recorded_time: '2026-11-21T19:45:00.047Z', engine: { version: '1', sha256: '0'.repeat(64) } }
const rest = [Buffer.from('{"correlation_id":"c"}'), Buffer.from(JSON.stringify(stamp)), Buffer.alloc(24)]

function change(after, more = '') {
  return Buffer.from(JSON.stringify({ entity: { type: 't', id: 1 }, action: 'update', before: { email: 'a' }, after }) + more)
}

/** `record` by way of the module's memory: the line, or the number that stands for none. */
function recordInput(capture, parts) {
  const at = capture.input(parts.reduce((sum, { length }) => sum + length, 0)) >>> 0
  new Uint8Array(memory.buffer).set(Buffer.concat(parts), at)
  const length = capture.recordInput(...parts.map(({ length }) => length))
  return length > 0 ? Buffer.from(new Uint8Array(memory.buffer, capture.line >>> 0, length)).toString() : length
}

function lend(capture) {
  capture.lendSubject('t/1', 'k_1', Buffer.alloc(32, 1))
  capture.lendPeriod('standard', 't_1', Buffer.alloc(32, 2))
}

test('a record by way of the memory is the same as one by arguments', () => {
  const [one, other] = [new glue.Capture(policy), new glue.Capture(policy)]
  const parts = [change({ email: 'b' }), ...rest]
  assert.equal(recordInput(one, parts), -1)
  assert.deepEqual(one.missing.needs, [{ group: 'default', subject: 't/1', retain: 'standard' }])
  for (const capture of [one, other]) lend(capture)
  // Longer and shorter ones, so that each is made in the room of another.
  for (const email of ['b', 'long '.repeat(20_000), 'c', 'a']) {
    const given = [change({ email, note: email }), ...rest]
    const line = Buffer.from(other.record(...given)).toString()
    assert.equal(recordInput(one, given), line)
    assert.equal(one.nonces, other.nonces)
  }
  assert.equal(recordInput(one, [change({ email: 'a' }), ...rest]), 0, 'nothing changed')
})

test('a refusal is told, and the next record is made', () => {
  const capture = new glue.Capture(policy)
  lend(capture)
  const line = recordInput(capture, [change({ email: 'b' }), ...rest])
  assert.equal(recordInput(capture, [change({ email: 'b' }, '}'), ...rest]), -2)
  assert.equal(capture.refusal.code, 'malformed_json')
  assert.equal(capture.recordInput(1e9, 1e9, 1e9, 1e9), -2, 'lengths beyond the input are cut to it')
  assert.equal(recordInput(capture, [change({ email: 'b' }), ...rest]), line)
})
