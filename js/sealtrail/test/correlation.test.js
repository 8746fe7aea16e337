import assert from 'node:assert/strict'
import { test } from 'node:test'
import { correlationOf, isCorrelationId, uuidv7 } from '../src/correlation.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'

test('the accepted form of an id', () => {
  for (const id of ['a', 'A-Z_09.:@/+=-', 'x'.repeat(128)]) assert.ok(isCorrelationId(id), id)
  for (const id of ['', 'x'.repeat(129), 'a b', 'a\n', 'é', 'a"b', 'a,b', undefined, 7, ['a']]) assert.ok(!isCorrelationId(id))
})

test('the first acceptable header wins, then the trace id', () => {
  const traceparent = `00-${TRACE}-00f067aa0ba902b7-01`
  assert.equal(correlationOf({ 'x-correlation-id': 'c', 'x-request-id': 'r', 'request-id': 'q' }), 'c')
  assert.equal(correlationOf({ 'x-request-id': 'r', 'request-id': 'q', traceparent }), 'r')
  assert.equal(correlationOf({ 'request-id': 'q', traceparent }), 'q')
  assert.equal(correlationOf({ 'x-correlation-id': 'bad one', 'x-request-id': 'r' }), 'r')
  assert.equal(correlationOf({ traceparent }), TRACE)
})

test('a trace id that the standard calls invalid is not used', () => {
  for (const traceparent of [`00-${'0'.repeat(32)}-00f067aa0ba902b7-01`, `00-${TRACE.toUpperCase()}-00f067aa0ba902b7-01`, 'x']) {
    assert.match(correlationOf({ traceparent }), /^[0-9a-f]{8}-/)
  }
})

test('a new id is a UUIDv7 of now', () => {
  const before = Date.now()
  const id = uuidv7()
  assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  const time = Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)
  assert.ok(time >= before && time <= Date.now())
  assert.ok(isCorrelationId(id))
  // More than there are counts in a millisecond.
  const ids = Array.from({ length: 20_000 }, uuidv7)
  assert.equal(new Set(ids).size, ids.length)
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})
