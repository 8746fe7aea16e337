import assert from 'node:assert/strict'
import { test } from 'node:test'
import { traceIdOf, traceOf } from '../src/trace-context.js'

const ID = '4bf92f3577b34da6a3ce929d0e0e4736'
const PARENT = '00f067aa0ba902b7'
const parent = (header) => traceOf({ traceparent: header }).traceparent
const state = (header) => traceOf({ traceparent: `00-${ID}-${PARENT}-01`, tracestate: header }).tracestate

test('a traceparent as the proxy would keep it', () => {
  assert.equal(parent(`00-${ID}-${PARENT}-01`), `00-${ID}-${PARENT}-01`)
  for (const [flags, kept] of [['00', '00'], ['03', '03'], ['04', '00'], ['11', '01'], ['ff', '03']]) {
    assert.equal(parent(` 00-${ID}-${PARENT}-${flags} `), `00-${ID}-${PARENT}-${kept}`)
    assert.equal(parent(`00-${ID}-${PARENT}-${flags}`), `00-${ID}-${PARENT}-${kept}`, 'flags that nobody knows')
  }
  for (const later of [`cc-${ID}-${PARENT}-01`, `cc-${ID}-${PARENT}-01-what-will-be`]) {
    assert.equal(parent(later), `00-${ID}-${PARENT}-01`)
  }
  assert.equal(traceIdOf(`01-${ID}-${PARENT}-00-x`), ID)
})

test('what is no traceparent', () => {
  for (const header of [
    undefined, 7, ['00'], [`00-${ID}-${PARENT}-01`], '', 'x', `00-${ID}-${PARENT}`, `00-${ID}-${PARENT}-01-x`, `00-${ID}-${PARENT}-01.`, `cc-${ID}-${PARENT}-01.`,
    `ff-${ID}-${PARENT}-01`, `00-${'0'.repeat(32)}-${PARENT}-01`, `00-${ID}-${'0'.repeat(16)}-01`, `00-${ID.toUpperCase()}-${PARENT}-01`,
    `00-${ID}-${PARENT}-01, 00-${ID}-${PARENT}-01`, `cc-${ID}-${PARENT}-01, cc-${ID}-${PARENT}-01`,
  ]) {
    assert.equal(parent(header), undefined, String(header))
    assert.equal(traceIdOf(header), undefined)
    assert.equal(traceOf({ traceparent: header, tracestate: 'a=1' }).tracestate, undefined)
  }
})

test('a tracestate without empty members, each key once', () => {
  assert.equal(state('a=1, \t b=2,,c@d=x y,a=3'), 'a=1,b=2,c@d=x y')
  assert.equal(state(Array.from({ length: 32 }, (_, n) => `k${n}=v`).join()).split(',').length, 32)
  for (const header of ['', ',', 'a', 'a=', '=1', 'A=1', 'a=b=c', 'a=é', '@=1', Array.from({ length: 33 }, (_, n) => `k${n}=v`).join(), ['a=1']]) {
    assert.equal(state(header), undefined, String(header))
  }
})

test('of a long tracestate whole members stay: long ones go first, then the last', () => {
  const [short, long] = [(key) => `${key}=${'x'.repeat(98)}`, (key) => `${key}=${'x'.repeat(198)}`]
  assert.equal(state([long('a'), short('b'), short('c'), long('d')].join()), [long('a'), short('b'), short('c')].join())
  assert.equal(state('abcdef'.replaceAll(/./g, (key) => `${short(key)},`)), ['a', 'b', 'c', 'd', 'e'].map(short).join())
  assert.equal(state([long('a'), long('b'), long('c')].join()), [long('a'), long('b')].join())
})
