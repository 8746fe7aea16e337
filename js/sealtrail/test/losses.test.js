import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loadEngine } from 'sealtrail'
import { jsonText } from '../src/json-text.js'

const engine = await loadEngine()
const loop = { list: [] }
loop.list.push(loop)
class Customer {
  name = 'Ada'
}
const deep = Array.from({ length: 130 }).reduce((value) => [value], 1)

const cases = [
  ['nothing', { a: [1, 1.5, 'x', true, null, { b: '😀' }], c: Object.create(null) }, []],
  ['minus zero', { a: [-0] }, ['/a/0 negative_zero']],
  ['a Date', { at: new Date(0) }, ['/at to_json']],
  ['an invalid Date', { at: new Date(NaN) }, ['/at unsupported_value!']],
  ['toJSON, and what it gives', { x: { toJSON: () => ({ y: NaN }) } }, ['/x to_json', '/x/y number_not_finite!']],
  ['undefined, functions, symbols, BigInt', { u: undefined, f() {}, s: Symbol('s'), n: 1n },
    ['/u unsupported_value!', '/f unsupported_value!', '/s unsupported_value!', '/n unsupported_value!']],
  ['collections', [new Map(), new Set(), new Uint8Array(1), /x/], [0, 1, 2, 3].map((i) => `/${i} unsupported_value!`)],
  ['NaN, Infinity', [NaN, -Infinity], ['/0 number_not_finite!', '/1 number_not_finite!']],
  ['an integer beyond 2^53', { 'a/b': 2 ** 60 }, ['/a~1b unsafe_integer!']],
  ['half a pair', { s: '\ud800', 'k\udc00': 1 }, ['/s lone_surrogate!', '/k\ufffd lone_surrogate!']],
  ['a hole', [1, , 2], ['/1 unsupported_value!']],
  ['a cycle', loop, ['/list/0 cycle!']],
  ['a cycle through toJSON', new (class Ring { toJSON() { return { inner: this } } })(), [' to_json', '/inner cycle!']],
  ['too deep', deep, [`${'/0'.repeat(128)} too_deep!`]],
  ['a class', { c: new Customer() }, ['/c prototype']],
  ['a getter', { get now() { return 1 } }, ['/now getter']],
  ['a symbol as key', { [Symbol('k')]: 1 }, [' symbol_key']],
  ['what is not enumerable', Object.defineProperty({}, 'h', { value: 1 }), ['/h hidden_member']],
  ['a member of an array', Object.assign([1], { extra: 2 }), ['/extra array_member']],
]

for (const [name, value, expected] of cases) {
  test(`losses: ${name}`, () => {
    const found = engine.losses(value)
    assert.deepEqual(found.map(({ path, what, refused }) => `${path} ${what}${refused ? '!' : ''}`), expected)
    // What is refused says the same code when it is written, and nothing else is refused.
    const first = found.find(({ refused }) => refused)
    if (first === undefined) jsonText(value)
    else assert.throws(() => jsonText(value), (error) => found.some(({ what, refused }) => refused && what === error.code))
  })
}
