import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { createTrail, loadEngine, SealtrailError } from 'sealtrail'

const policy = { id: 'p', version: '1', default: 'keep' }
const change = { entity: { type: 'x', id: 1 }, action: 'update', before: { a: 1 }, after: { a: 2 } }
const record = { id: '1', source: 's', time: '2026-11-21T19:45:00Z', data: { entity: { type: 'x', id: '1' }, action: 'update', changes: [] } }

let engine, trail
before(async () => {
  engine = await loadEngine()
  trail = await createTrail({ url: 'http://127.0.0.1:1', policy })
})

/** The methods with options, each as a function of them, and the names that they know. */
const METHODS = {
  'engine.diff': [(options) => engine.diff({}, {}, options), 'format, tests, words, entity, foldKeys, policy, raw'],
  'engine.rows': [(options) => engine.rows(record, options), 'opened, format, header'],
  'engine.textDifference': [(options) => engine.textDifference('a', 'b', options), 'unit'],
  'engine.preview': [(options) => engine.preview(policy, change, {}, options), 'raw'],
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
