import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lineAndColumn, offsetOf, placeOf } from '../page/json-place.js'
import { findingOf, problemOf } from '../page/preview/problems.js'

const TEXT = `{ "a/b": 1, "~": [true, "x,\\"]}", {"k" : -1.5e3}], "a\\u0062": null,
  "🔑": {"rules": [ ]}, "last":"é" }`

test('every value of a text has its place, by the pointer that a parser would follow', () => {
  const walk = (value, pointer) => {
    const { from, to } = placeOf(TEXT, pointer)
    assert.deepEqual(JSON.parse(TEXT.slice(from, to)), value, pointer)
    if (value === null || typeof value !== 'object') return
    for (const key of Object.keys(value)) walk(value[key], `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`)
  }
  walk(JSON.parse(TEXT), '')
  for (const none of ['/nope', '/~0/3', '/~0/x', '/a~1b/0', '/🔑/rules/0']) assert.equal(placeOf(TEXT, none), undefined, none)
})

test('of texts that are no JSON no place is made up, and every search ends', () => {
  for (let end = 0; end < TEXT.length; end++) for (const pointer of ['/last', '/~0/2/k', '/🔑/rules']) placeOf(TEXT.slice(0, end), pointer)
  assert.equal(placeOf('', '/a'), undefined)
  assert.equal(placeOf('{"a" "b"}', '/b'), undefined)
})

test('lines and columns count characters, offsets count UTF-16 units', () => {
  const text = 'ab\n🔑é"x"\n'
  const at = text.indexOf('"x"')
  assert.deepEqual(lineAndColumn(text, at), { line: 2, column: 3 })
  assert.equal(offsetOf(text, { line: 2, column: 3 }), at)
  assert.equal(offsetOf(text, { line: 1, column: 1 }), 0)
  assert.equal(offsetOf(text, { line: 9, column: 9 }), text.length)
})

test('a policy that is JSON and wrong has a place too, and what is missing that of its object', () => {
  const text = '{"id":"p",\n"rules":[{"select":"$.a"}]}'
  const wrong = (message) => {
    const { line, column, from, to } = problemOf({ message }, text)
    return [line, column, text.slice(from, to)]
  }
  assert.deepEqual(wrong('policy `/rules/0/select` is no selector'), [2, 20, '"$.a"'])
  assert.deepEqual(wrong('policy `/rules/0/action` is missing'), [2, 10, '{"select":"$.a"}'])
  assert.equal(problemOf({ message: 'something else' }, text).from, undefined)
  assert.equal(findingOf({ at: '/rules/0', code: 'x' }, text).line, 2)
  assert.equal(findingOf({ at: '/arrays/0', code: 'x' }, text).line, undefined)
})
