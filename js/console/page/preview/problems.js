import { lineAndColumn, offsetOf, placeOf } from '../json-place.js'

/** An error of the core beside the text it is about: `{ message, line, column, from, to }`, without a place where none is known. */
export function problemOf(error, text) {
  const { message, at } = error
  // What stands in fields of its own has no lines.
  if (text === undefined) return { message }
  if (at) {
    const from = offsetOf(text, at)
    return { message, line: at.line, column: at.column, from, to: Math.max(from, Math.min(from + 1, text.length)) }
  }
  // Of what is JSON and still wrong, the message names the place as a pointer.
  const pointer = /^(?:policy `([^`]*)`|`(\/[^`]*)`)/.exec(message)?.slice(1).find((named) => named !== undefined)
  const place = pointer === undefined ? undefined : nearest(text, pointer)
  return place ? { message, ...lineAndColumn(text, place.from), ...place } : { message }
}

/** What lint found, with its place in the text of the policy. */
export function findingOf(finding, text) {
  const place = placeOf(text, finding.at)
  return place ? { ...finding, ...lineAndColumn(text, place.from), ...place } : finding
}

/** What is missing has no place; what it is missing from has one. */
function nearest(text, pointer) {
  for (;;) {
    const place = placeOf(text, pointer)
    if (place || pointer === '') return place
    pointer = pointer.slice(0, pointer.lastIndexOf('/'))
  }
}
