import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageText, jsonText } from '../src/json-text.js'

const carried = [
  [{ a: [1, -0.5, 1e21 / 1e20], b: { c: null, d: true, é: '"\\\n\u2028😀' } }],
  ['text'],
  [[]],
  [Number.MAX_SAFE_INTEGER],
  [{ date: new Date(0), custom: { toJSON: () => ({ x: 1 }) } }],
  [Object.assign(Object.create(null), { bare: 1 })],
  [{ __proto__: null, ['__proto__']: 1, 'a/b~c': 2 }],
]

test('what JSON carries comes out as JSON.stringify writes it', () => {
  for (const [value] of carried) assert.equal(jsonText(value), JSON.stringify(value))
})

test('instances of own classes are data', () => {
  class Customer {
    #secret = 1
    name = 'Ada'
    get twice() {
      return this.#secret * 2
    }
  }
  assert.equal(jsonText(new Customer()), '{"name":"Ada"}')
})

test('the same object twice is not a cycle', () => {
  const shared = { x: 1 }
  assert.equal(jsonText({ a: shared, b: [shared] }), '{"a":{"x":1},"b":[{"x":1}]}')
})

const loop = { list: [] }
loop.list.push({ back: loop })

class Ring {
  toJSON() {
    return { inner: this }
  }
}
const endless = { toJSON: () => ({ toJSON: endless.toJSON }) }

const refused = [
  ['undefined in an object', { a: { b: undefined } }, 'unsupported_value', '/a/b'],
  ['a hole in an array', { a: [1, , 3] }, 'unsupported_value', '/a/1'],
  ['a function', { f() {} }, 'unsupported_value', '/f'],
  ['a symbol', [Symbol('s')], 'unsupported_value', '/0'],
  ['BigInt', { n: 1n }, 'unsupported_value', '/n'],
  ['Map', { m: new Map([[1, 2]]) }, 'unsupported_value', '/m'],
  ['Set', { s: new Set([1]) }, 'unsupported_value', '/s'],
  ['RegExp', { r: /x/ }, 'unsupported_value', '/r'],
  ['Error', { e: new Error('x') }, 'unsupported_value', '/e'],
  ['Promise', { p: Promise.resolve() }, 'unsupported_value', '/p'],
  ['typed array', { t: new Uint8Array(2) }, 'unsupported_value', '/t'],
  ['invalid date', { d: new Date(NaN) }, 'unsupported_value', '/d'],
  ['NaN', { n: [NaN] }, 'number_not_finite', '/n/0'],
  ['Infinity', { n: -Infinity }, 'number_not_finite', '/n'],
  ['an integer beyond 2^53', { n: 2 ** 53 }, 'unsafe_integer', '/n'],
  ['half a pair in a value', { s: 'x\ud800' }, 'lone_surrogate', '/s'],
  ['half a pair in a key', { 'k\udc00': 1 }, 'lone_surrogate', '/k\ufffd'],
  ['a cycle', loop, 'cycle', '/list/0/back'],
  ['an escaped path', { 'a/b': { 'c~d': NaN } }, 'number_not_finite', '/a~1b/c~0d'],
  ['undefined by toJSON', { x: { toJSON() {} } }, 'unsupported_value', '/x'],
  ['a cycle through toJSON', { ring: new Ring() }, 'cycle', '/ring/inner'],
  ['a toJSON without an end', { x: endless }, 'too_deep', '/x'],
]

for (const [name, value, code, pointer] of refused) {
  test(`refused with its place: ${name}`, () => {
    assert.throws(() => jsonText(value), (error) => {
      assert.equal(error.code, code)
      assert.equal(error.at.pointer, pointer)
      assert.ok(error.message.includes(pointer), error.message)
      return true
    })
  })
}

test('what throws while it is read is refused, with the cause and without its words', () => {
  const cause = new Error('canary')
  const fail = () => { throw cause }
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  const values = [{ a: Object.defineProperty({}, 'x', { enumerable: true, get: fail }) }, [{ toJSON: fail }]]
  for (const value of [...values, revoked.proxy]) {
    assert.throws(() => jsonText(value, '/after'), (error) => {
      assert.deepEqual([error.name, error.code, error.at], ['SealtrailError', 'unsupported_value', { pointer: '/after' }])
      assert.equal(error.cause === cause, value !== revoked.proxy)
      assert.doesNotMatch(error.message, /canary/)
      return true
    })
  }
})

test('depth has a bound and does not cost the stack', () => {
  let deep = {}
  for (let level = 0; level < 1e5; level++) deep = { deep }
  assert.throws(() => jsonText(deep), { code: 'too_deep' })
})

test('text and bytes go through as written', () => {
  const text = '{"n":12345678901234567890123,"m":1.10}'
  assert.equal(imageText(text, '/before'), text)
  assert.equal(imageText(new TextEncoder().encode(text), '/before'), text)
  assert.equal(imageText('{\r\n "a": "x\\n"\n}', '/before'), '{  "a": "x\\n" }')
})

test('text that is not exactly one JSON value is refused, and never quoted', () => {
  const bad = ['', '{"a":1', '{"secret":hunter2}', '{},"action":"delete"', '\ufeff{}', '{} {}', 'undefined']
  for (const text of bad) {
    assert.throws(() => imageText(text, '/after'), (error) => {
      assert.equal(error.code, 'malformed_json')
      assert.equal(error.at.pointer, '/after')
      assert.ok(!error.message.includes('hunter2'))
      return true
    })
  }
  assert.throws(() => imageText(new Uint8Array([0x22, 0xff, 0x22]), '/after'), { code: 'malformed_json' })
  assert.throws(() => imageText('"\ud800"', '/after'), { code: 'lone_surrogate' })
})
