import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { createTrail, loadEngine, SealtrailError, verifyProof } from 'sealtrail'
import { goldenRecord } from './witness.js'

const policy = { id: 'p', version: '1', default: 'keep' }
const change = { entity: { type: 'x', id: 1 }, action: 'update', before: { a: 1 }, after: { a: 2 } }
const record = { id: '1', source: 's', time: '2026-11-21T19:45:00Z', data: { entity: { type: 'x', id: '1' }, action: 'update', changes: [] } }

let engine, trail, golden
before(async () => {
  golden = await goldenRecord()
  engine = await loadEngine()
  trail = await createTrail({ url: 'http://127.0.0.1:1', policy })
})

/** The methods with options, each as a function of them, and the names that they know. */
const METHODS = {
  'engine.diff': [(options) => engine.diff({}, {}, options), 'format, tests, words, entity, foldKeys, policy, raw'],
  'engine.rows': [(options) => engine.rows(record, options), 'opened, format, header'],
  'engine.textDifference': [(options) => engine.textDifference('a', 'b', options), 'unit'],
  'engine.preview': [(options) => engine.preview(policy, change, {}, options), 'raw'],
  'engine.verifyProof': [(options) => engine.verifyProof(golden.proof, golden.line, golden.vkey, options), 'witnessPolicy'],
  'trail.diff': [(options) => trail.diff({}, {}, options), 'format, tests, words, entity, foldKeys, policy, raw'],
  'trail.preview': [(options) => trail.preview(change, options), 'policy, raw'],
}

function refuses(call, code, message) {
  assert.throws(call, (error) => {
    assert.ok(error instanceof SealtrailError, String(error))
    assert.deepEqual([error.code, error.message], [code, message])
    return true
  })
}

describe('options', () => {
  for (const [name, [call, known]] of Object.entries(METHODS)) {
    test(`${name} refuses one that it does not know`, () => {
      refuses(() => call({ fromat: 'csv' }), 'invalid_option', `option \`fromat\` is not an option; the options are ${known}`)
    })

    test(`${name} refuses what is no object`, () => {
      const wrong = [[null, 'null'], ['patch', 'a string'], [true, 'a boolean'], [[], 'an array']]
      for (const [options, got] of wrong) {
        refuses(() => call(options), 'invalid_option', `the options must be an object, got ${got}`)
      }
    })

    test(`${name} takes none, and absent ones`, () => {
      call()
      call(Object.fromEntries(known.split(', ').map((option) => [option, undefined])))
    })
  }

  test('createTrail refuses what is no object', async () => {
    for (const options of [null, 'http://127.0.0.1:8090', []]) {
      await assert.rejects(createTrail(options), { name: 'SealtrailError', code: 'invalid_option', message: /must be an object/ })
    }
  })
})

test('the option `seal` is true or false', async () => {
  await assert.rejects(createTrail({ url: 'http://127.0.0.1:1', seal: 'yes' }), { code: 'invalid_option', message: 'option `seal` must be true or false' })
})

describe('types', () => {
  const wrong = [
    ['engine.diff', { foldKeys: 'yes' }, '`foldKeys` must be true or false, got a string'],
    ['engine.diff', { tests: 1 }, '`tests` must be true or false, got a number'],
    ['engine.diff', { words: null }, '`words` must be true or false, got null'],
    ['engine.diff', { raw: 'no' }, '`raw` must be true or false, got a string'],
    ['engine.diff', { entity: 5 }, '`entity` must be a string, got a number'],
    ['engine.diff', { format: ['patch'] }, '`format` must be a string, got an array'],
    ['engine.rows', { header: 'no' }, '`header` must be true or false, got a string'],
    ['engine.rows', { format: {} }, '`format` must be a string, got an object'],
    ['engine.textDifference', { unit: 1n }, '`unit` must be a string, got a bigint'],
    ['engine.preview', { raw: 1 }, '`raw` must be true or false, got a number'],
    ['engine.verifyProof', { witnessPolicy: null }, '`witnessPolicy` must be a string or bytes, got null'],
    ['engine.verifyProof', { witnessPolicy: {} }, '`witnessPolicy` must be a string or bytes, got an object'],
    ['trail.preview', { raw: 1 }, '`raw` must be true or false, got a number'],
  ]
  for (const [method, options, message] of wrong) {
    test(`of options: ${method} ${message}`, () => refuses(() => METHODS[method][0](options), 'invalid_option', `option ${message}`))
  }

  const invalid = [
    ['textDifference', [1, 'b'], 'invalid_field', '`before` must be a string, got a number'],
    ['textDifference', [undefined, 'b'], 'missing_field', '`before` is missing'],
    ['textDifference', ['a', {}], 'invalid_field', '`after` must be a string, got an object'],
    ['lint', [policy, change], 'invalid_field', '`samples` must be an array, got an object'],
    ['lint', [policy, 'abc'], 'invalid_field', '`samples` must be an array, got a string'],
    ['lint', [policy, [,]], 'missing_field', '`samples/0` is missing'],
    ['lint', [undefined], 'missing_field', '`policy` is missing'],
    ['policySummary', [], 'missing_field', '`policy` is missing'],
    ['rows', [], 'missing_field', '`line` is missing'],
    ['verifyProof', [undefined, 'line', 'key'], 'missing_field', '`proof` is missing'],
    ['verifyProof', [{}, 'line', 'key'], 'invalid_field', '`proof` must be a string or bytes, got an object'],
    ['verifyProof', ['proof', 1, 'key'], 'invalid_field', '`line` must be a string or bytes, got a number'],
    ['verifyProof', ['proof', 'line'], 'missing_field', '`vkey` is missing'],
    ['verifyProof', ['proof', 'line', new Uint8Array()], 'invalid_field', '`vkey` must be a string, got an object'],
  ]
  for (const [method, given, code, message] of invalid) {
    test(`of arguments: ${method} ${message}`, () => refuses(() => engine[method](...given), code, message))
  }

  test('verifyProof by itself rejects alike', async () => {
    await assert.rejects(verifyProof('a', 'b'), { name: 'SealtrailError', code: 'missing_field', message: '`vkey` is missing' })
  })
})
