import { isLeaf, MAX_DEPTH } from './json-text.js'

/**
 * What of a value JSON has no way to say, as `[{path, what, refused}]`; nothing for a value that goes as it is.
 *
 * Refused is what `record`, `diff` and `preview` throw with the code `what`. The rest goes, in another form:
 * `negative_zero` as 0, `to_json` as its toJSON says (a Date as ISO text), `prototype` without its class,
 * `getter` as the value it has when it is asked, `symbol_key`, `hidden_member` (not enumerable) and `array_member`
 * (not an index) not at all.
 */
export function losses(value) {
  const found = []
  look(value, '', [], (path, what, refused = false) => found.push({ path: path.toWellFormed(), what, refused }))
  return found
}

function look(value, path, ancestors, lost) {
  if (value === null || typeof value !== 'object') return lookAtLeaf(value, path, lost)
  if (ancestors.includes(value)) return lost(path, 'cycle', true)
  if (ancestors.length >= MAX_DEPTH) return lost(path, 'too_deep', true)
  if (typeof value.toJSON === 'function') {
    const converted = value.toJSON()
    if (value instanceof Date && converted === null) return lost(path, 'unsupported_value', true)
    lost(path, 'to_json')
    if (converted !== value) return look(converted, path, [...ancestors, value], lost)
  }
  const isArray = Array.isArray(value)
  if (!isArray && (Object.prototype.toString.call(value) !== '[object Object]' || ArrayBuffer.isView(value))) {
    return lost(path, 'unsupported_value', true)
  }
  const prototype = Object.getPrototypeOf(value)
  if (!isArray && prototype !== Object.prototype && prototype !== null) lost(path, 'prototype')
  const below = [...ancestors, value]
  if (isArray) {
    // A hole reads as undefined.
    for (let index = 0; index < value.length; index++) look(value[index], `${path}/${index}`, below, lost)
  }
  for (const key of Reflect.ownKeys(value)) {
    if (typeof key === 'symbol') {
      lost(path, 'symbol_key')
      continue
    }
    if (isArray && (key === 'length' || (/^(0|[1-9]\d*)$/.test(key) && Number(key) < value.length))) continue
    const place = `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`
    const { enumerable, get } = Object.getOwnPropertyDescriptor(value, key)
    if (isArray) lost(place, 'array_member')
    else if (!enumerable) lost(place, 'hidden_member')
    else {
      if (!key.isWellFormed()) lost(place, 'lone_surrogate', true)
      if (get !== undefined) lost(place, 'getter')
      look(value[key], place, below, lost)
    }
  }
}

function lookAtLeaf(value, path, lost) {
  if (Object.is(value, -0)) lost(path, 'negative_zero')
  else if (isLeaf(value)) return
  else if (typeof value === 'string') lost(path, 'lone_surrogate', true)
  else if (typeof value === 'number') lost(path, Number.isFinite(value) ? 'unsafe_integer' : 'number_not_finite', true)
  else lost(path, 'unsupported_value', true)
}
