/** How the text of a change begins that is sealed in this process, in the spool too. No JSON begins like this. */
const TO_SEAL = 'seal '
const FIRST_BYTE = TO_SEAL.charCodeAt(0)

export function toSeal(changeText) {
  return TO_SEAL + changeText
}

/** @param {import('./lines.js').Line} line */
export function isToSeal({ buffer, start }) {
  return buffer[start] === FIRST_BYTE
}

/** The change itself, of a text that `toSeal` gave. */
export function changeOf({ text }) {
  return text.slice(TO_SEAL.length)
}

/** The changes at the beginning that go the same way as the first. */
export function sameWay(batch) {
  const end = batch.findIndex((item) => isToSeal(item) !== isToSeal(batch[0]))
  return end === -1 ? batch : batch.slice(0, end)
}
