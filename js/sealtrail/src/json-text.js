import { SealtrailError } from './errors.js'

/** As deep as the core reads; deeper values are refused here, before they cost a stack. */
export const MAX_DEPTH = 128

/**
 * A value of JavaScript as JSON text, or an error that names the place. JSON.stringify drops `undefined` and
 * functions, turns NaN and Map into something else and says nothing: an audit record must not.
 *
 * `toJSON` is honoured (a Date becomes its ISO text); symbol keys are not data.
 */
export function jsonText(value, pointer = '') {
  try {
    // JSON.stringify is several times faster, and right where nothing is lost.
    if (isCarried(value, 0)) {
      const text = JSON.stringify(value)
      // Half of a surrogate pair it escapes: to look for that in the text is cheaper than in each string.
      if (!text.includes('\\ud')) return text
    }
    return write(value, pointer, [])
  } catch (cause) {
    if (cause instanceof SealtrailError) throw cause
    throw new SealtrailError('unsupported_value', `a getter, a toJSON or a proxy in \`${pointer}\` threw`, { cause, at: { pointer } })
  }
}

/** The same for texts that are nearly always the one that was written last. */
export function usualText() {
  let [last, written] = ['', '""']
  return (text, pointer) => {
    if (text === last) return written
    // An object is not the same when it is written again.
    if (typeof text !== 'string') return jsonText(text, pointer)
    written = jsonText(text, pointer)
    last = text
    return written
  }
}

/**
 * An image (`before` or `after`) as JSON text. A string or bytes are JSON text already and go through as they are
 * written, so that a 23-digit number survives.
 */
export function imageText(image, pointer) {
  if (typeof image === 'string') return checkedText(image, pointer)
  if (image instanceof Uint8Array) return checkedText(decoded(image, pointer), pointer)
  return jsonText(image, pointer)
}

/** A leaf that JSON carries without a loss. */
export function isLeaf(value) {
  if (typeof value === 'string') return value.isWellFormed()
  if (typeof value === 'number') return Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value)
  return typeof value === 'boolean' || value === null
}

/** Whether JSON.stringify writes a value as `write` does, but for its strings: leaves, arrays, plain objects and Dates. */
function isCarried(value, depth) {
  if (typeof value === 'string') return true
  if (value === null || typeof value !== 'object') return isLeaf(value)
  if (depth >= MAX_DEPTH) return false
  if (Array.isArray(value)) {
    if (value.toJSON !== undefined) return false
    for (let index = 0; index < value.length; index++) if (!isCarried(value[index], depth + 1)) return false
    return true
  }
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) {
    return prototype === Date.prototype && !Object.hasOwn(value, 'toJSON') && !Number.isNaN(value.getTime())
  }
  if (value.toJSON !== undefined || value[Symbol.toStringTag] !== undefined) return false
  for (const key in value) {
    if (!isCarried(value[key], depth + 1)) return false
  }
  return true
}

function write(value, pointer, ancestors) {
  switch (typeof value) {
    case 'string':
      return stringText(value, pointer)
    case 'boolean':
      return value ? 'true' : 'false'
    case 'number':
      return numberText(value, pointer)
    case 'object':
      if (value === null) return 'null'
      return objectText(value, pointer, ancestors)
    default:
      throw unsupported(value, pointer)
  }
}

function objectText(value, pointer, ancestors) {
  if (ancestors.includes(value)) {
    throw new SealtrailError('cycle', `the value at \`${pointer}\` contains itself`, { at: { pointer } })
  }
  const converted = typeof value.toJSON === 'function' ? value.toJSON() : value
  // An invalid Date answers null: a time that is lost without a word.
  if (value instanceof Date && converted === null) {
    throw new SealtrailError('unsupported_value', `an invalid date at \`${pointer}\``, { at: { pointer } })
  }
  if (converted === null || typeof converted !== 'object') return write(converted, pointer, ancestors)
  if (ancestors.length >= MAX_DEPTH) {
    throw new SealtrailError('too_deep', `more than ${MAX_DEPTH} levels at \`${pointer.slice(0, 200)}\``, { at: { pointer } })
  }
  // What a toJSON gives may hold what it was asked of, or have a toJSON without an end.
  ancestors.push(value)
  const text = converted === value ? contentText(value, pointer, ancestors) : write(converted, pointer, ancestors)
  ancestors.pop()
  return text
}

function contentText(value, pointer, ancestors) {
  return Array.isArray(value) ? arrayText(value, pointer, ancestors) : membersText(value, pointer, ancestors)
}

function arrayText(array, pointer, ancestors) {
  let text = '['
  for (let index = 0; index < array.length; index++) {
    if (index > 0) text += ','
    text += write(array[index], `${pointer}/${index}`, ancestors)
  }
  return text + ']'
}

function membersText(object, pointer, ancestors) {
  // Instances of one's own classes are data; Map, Set, RegExp, Error, Promise and typed arrays would come out as `{}`.
  const tag = Object.prototype.toString.call(object)
  if (tag !== '[object Object]' || ArrayBuffer.isView(object)) throw unsupported(object, pointer)
  let text = '{'
  for (const key of Object.keys(object)) {
    const below = `${pointer}/${escaped(key)}`
    if (text.length > 1) text += ','
    text += `${stringText(key, below)}:${write(object[key], below, ancestors)}`
  }
  return text + '}'
}

function stringText(string, pointer) {
  if (!string.isWellFormed()) {
    throw new SealtrailError('lone_surrogate', `half of a surrogate pair at \`${pointer.toWellFormed()}\``, {
      at: { pointer: pointer.toWellFormed() },
    })
  }
  return JSON.stringify(string)
}

function numberText(number, pointer) {
  if (!Number.isFinite(number)) {
    throw new SealtrailError('number_not_finite', `\`${number}\` at \`${pointer}\` is not a JSON number`, { at: { pointer } })
  }
  if (Number.isInteger(number) && !Number.isSafeInteger(number)) {
    throw new SealtrailError(
      'unsafe_integer',
      `the integer at \`${pointer}\` is beyond 2^53 and may have lost digits: pass the image as JSON text`,
      { at: { pointer } },
    )
  }
  return JSON.stringify(number)
}

/** What to do instead. */
const HINTS = new Map([
  ['undefined', ': leave the key out, or use null'],
  ['bigint', ': pass the image as JSON text, or the number as a string'],
  ['Map', ': use Object.fromEntries'],
  ['Set', ': use an array'],
])

function unsupported(value, pointer) {
  const kind = value !== null && typeof value === 'object' ? Object.prototype.toString.call(value).slice(8, -1) : typeof value
  return new SealtrailError('unsupported_value', `JSON cannot carry ${kind} at \`${pointer}\`${HINTS.get(kind) ?? ''}`, { at: { pointer } })
}

/** RFC 6901 section 3. */
function escaped(key) {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}

/**
 * The text becomes part of a larger JSON document, so it must be one whole value. Line ends can only be white space
 * between tokens here (inside a string JSON escapes them); they are taken out because a change is one NDJSON line.
 */
function checkedText(text, pointer) {
  if (!text.isWellFormed()) {
    throw new SealtrailError('lone_surrogate', `half of a surrogate pair in the JSON text of \`${pointer}\``, { at: { pointer } })
  }
  try {
    JSON.parse(text)
  } catch {
    // V8's own message quotes the text, and the text is what is to be protected.
    throw new SealtrailError('malformed_json', `the text of \`${pointer}\` is not one JSON value`, { at: { pointer } })
  }
  return text.replace(/[\r\n]+/g, ' ')
}

function decoded(bytes, pointer) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new SealtrailError('malformed_json', `the bytes of \`${pointer}\` are not UTF-8`, { at: { pointer } })
  }
}
