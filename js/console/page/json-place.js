/**
 * Where the value at an RFC 6901 pointer stands in a JSON text: `{ from, to }` in UTF-16 units, or undefined. The text
 * was read by the core before; of one that is no JSON only no place is said.
 */
export function placeOf(text, pointer) {
  let at = space(text, 0)
  for (const token of pointer.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~')
    at = text[at] === '{' ? member(text, at, key) : text[at] === '[' && /^\d+$/.test(key) ? item(text, at, Number(key)) : undefined
    if (at === undefined) return undefined
  }
  return { from: at, to: after(text, at) }
}

/** Line and column from 1, as the core counts them: a column is a character, not a UTF-16 unit. */
export function lineAndColumn(text, offset) {
  const start = text.lastIndexOf('\n', offset - 1) + 1
  let line = 1
  for (let at = text.indexOf('\n'); at !== -1 && at < start; at = text.indexOf('\n', at + 1)) line++
  return { line, column: [...text.slice(start, offset)].length + 1 }
}

/** The offset of a line and a column, as near as the text has it. */
export function offsetOf(text, { line, column }) {
  let start = 0
  for (let n = 1; n < line; n++) {
    const end = text.indexOf('\n', start)
    if (end === -1) break
    start = end + 1
  }
  const end = text.indexOf('\n', start)
  const whole = text.slice(start, end === -1 ? undefined : end)
  return start + [...whole.slice(0, 2 * column)].slice(0, column - 1).join('').length
}

function member(text, open, key) {
  for (let at = space(text, open + 1); text[at] === '"'; ) {
    const end = after(text, at)
    const value = space(text, space(text, end) + 1)
    if (named(text.slice(at, end)) === key) return value
    at = space(text, after(text, value))
    if (text[at] !== ',') return undefined
    at = space(text, at + 1)
  }
  return undefined
}

function item(text, open, index) {
  let at = space(text, open + 1)
  for (let n = 0; n < index; n++) {
    at = space(text, after(text, at))
    if (text[at] !== ',') return undefined
    at = space(text, at + 1)
  }
  return at < text.length && text[at] !== ']' ? at : undefined
}

function named(string) {
  try {
    return JSON.parse(string)
  } catch {
    return undefined
  }
}

function space(text, at) {
  while (at < text.length && /\s/.test(text[at])) at++
  return at
}

/** The end of the value that begins here. */
function after(text, at) {
  if (text[at] === '"') return afterString(text, at)
  if (text[at] !== '{' && text[at] !== '[') {
    while (at < text.length && !/[\s,\]}]/.test(text[at])) at++
    return at
  }
  let depth = 0
  while (at < text.length) {
    const character = text[at]
    if (character === '"') {
      at = afterString(text, at)
      continue
    }
    at++
    if (character === '{' || character === '[') depth++
    else if ((character === '}' || character === ']') && --depth === 0) break
  }
  return at
}

function afterString(text, at) {
  for (at++; at < text.length && text[at] !== '"'; at++) if (text[at] === '\\') at++
  return Math.min(at + 1, text.length)
}
