import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { loadEngine, SealtrailError } from 'sealtrail'
import { startWorker } from 'sealtrail/worker'

const policy = { id: 'p', version: '1', default: 'seal', rules: [{ select: '$.n', action: 'keep' }] }
const large = (n) => ({ n, items: Array.from({ length: 5_000 }, (_, id) => ({ id, text: `text of ${id % 7 === n ? 'another' : 'this'} item` })) })

let engine, worker
before(async () => {
  engine = await loadEngine()
  worker = startWorker()
})
after(() => worker.close())

test('the same results as in this thread', async () => {
  const [before, after] = [large(1), large(2)]
  const calls = [
    ['diff', before, after], ['diff', JSON.stringify(before), Buffer.from(JSON.stringify(after)), { format: 'patch', tests: true }],
    ['diff', { a: 1 }, { a: 2 }, { policy: { ...policy, ignore: ['$.a'] }, raw: true }],
    ['textDifference', '6gb Ram', '4gb Ram'], ['lint', policy, [before, '{"n":1}']],
  ]
  const results = await Promise.all(calls.map(([method, ...args]) => worker[method](...args)))
  results.forEach((result, i) => assert.deepEqual(result, engine[calls[i][0]](...calls[i].slice(1))))
  const { record, fields } = await worker.preview(policy, { entity: { type: 'x', id: 1 }, action: 'update', before, after })
  assert.equal(fields.length, engine.preview(policy, { entity: { type: 'x', id: 1 }, action: 'update', before, after }).fields.length)
  assert.deepEqual(await worker.rows(record), engine.rows(record))
})

test('errors come over whole, those of values too', async () => {
  await assert.rejects(worker.diff('{', '{}'), (error) => {
    assert.ok(error instanceof SealtrailError)
    assert.deepEqual([error.code, error.at], ['malformed_json', { line: 1, column: 2 }])
    return true
  })
  await assert.rejects(worker.diff({ a: undefined }, {}), { code: 'unsupported_value', at: { pointer: '/before/a' } })
  await assert.rejects(worker.diff({}, {}, { fromat: 'patch' }), { code: 'invalid_option' })
  await assert.rejects(worker.diff(undefined, {}), { code: 'missing_field' })
  await assert.rejects(worker.preview(policy, { entity: { type: 'x', id: 1 } }), { code: 'missing_field' })
})

test('what cannot be copied to another thread is refused with a code', async () => {
  await assert.rejects(worker.diff('{}', '{}', { format() {} }), { name: 'SealtrailError', code: 'unsupported_value' })
  await assert.rejects(worker.textDifference('a', Symbol('b')), { name: 'SealtrailError', code: 'unsupported_value' })
  assert.deepEqual(await worker.diff('{}', '{}'), [])
})

test('closed, it fails whoever waits and whoever comes', async () => {
  const other = startWorker()
  const waiting = other.diff(large(1), large(2))
  await Promise.all([assert.rejects(waiting, { code: 'worker_failed' }), other.close()])
  await assert.rejects(other.diff({}, {}), { code: 'worker_failed' })
})

test('nothing of it is done in the thread that asks', async () => {
  const program = `
    for (const name of ['compile', 'instantiate', 'Module', 'Instance']) WebAssembly[name] = () => { throw new Error('the core runs here') }
    const { startWorker } = await import('sealtrail/worker')
    const worker = startWorker()
    console.log(JSON.stringify(await worker.diff('{"a":1}', '{"a":2}')))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], { cwd: import.meta.dirname, timeout: 60_000 })
  assert.equal(JSON.parse(stdout)[0].new, 2)
})

test('it keeps a process while somebody waits, and no longer', async () => {
  const program = `import { startWorker } from 'sealtrail/worker'
    const worker = startWorker()
    console.log(JSON.stringify(await worker.diff('{"a":1}', '{"a":2}')))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], { cwd: import.meta.dirname, timeout: 60_000 })
  assert.equal(JSON.parse(stdout)[0].new, 2)
})
