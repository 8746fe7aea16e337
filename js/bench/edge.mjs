import { readFile } from 'node:fs/promises'
import { changeText } from '../sealtrail/src/change.js'
import { Images } from '../sealtrail/src/images.js'
import { correlationId, engine, keys, nonce, origin, recordedTime, recordId } from './record.mjs'

const files = new URL('../sealtrail/dist/wasm/', import.meta.url)

/** The package's wasm and its glue. `fresh` gives glue that has not been used, with an instance of its own. */
export async function edge(module, fresh = '') {
  const glue = await import(new URL(`sealtrail.js${fresh}`, files))
  glue.initSync({ module: module ?? (await compiled()) })
  return glue
}

export async function compiled() {
  return WebAssembly.compile(await readFile(new URL('sealtrail_bg.wasm', files)))
}

/** Bytes of a change in, bytes of its record out: the one place that knows which calls that takes. */
export function sealer(glue, policy) {
  return changeSealer(glue, policy, 1, (change, room) => {
    room.set(change)
    return change.length
  })
}

/** The same from JavaScript objects, by the way of the package; their text is written where the module reads it. */
export function objectSealer(glue, policy) {
  const [images, encoder] = [new Images(new glue.Capture(policy).pruning), new TextEncoder()]
  // A unit of UTF-16 is three bytes at most.
  const seal = changeSealer(glue, policy, 3, (text, room) => encoder.encodeInto(text, room).written)
  return (change) => seal(changeText(change, '{}', { images }))
}

/** One call into the module, one copy in and one out. `write` puts a change, at most `width` bytes for each of its units, into a room. */
function changeSealer(glue, policy, width, write) {
  const [capture, { memory }] = [new glue.Capture(policy), glue.initSync()]
  capture.lendSubject('thing/1', keys.subjectKid, keys.subjectKey)
  capture.lendPeriod('standard', keys.periodKid, keys.periodKey)
  const context = Buffer.from(JSON.stringify({ correlation_id: correlationId }))
  const stamp = Buffer.from(JSON.stringify({ origin, id: recordId, recorded_time: recordedTime, engine }))
  // Nonces that come again are for a benchmark only.
  let entropy = Buffer.alloc(nonce.length * 64)
  let [input, size, bytes] = [0, 0, new Uint8Array(memory.buffer)]
  const lines = new Lines()

  return function seal(change) {
    const most = change.length * width
    const needed = most + context.length + stamp.length + entropy.length
    if (needed > size) [input, size] = [capture.input(2 * needed) >>> 0, 2 * needed]
    if (bytes.length === 0) bytes = new Uint8Array(memory.buffer)
    const length = write(change, bytes.subarray(input, input + most))
    let at = input + length
    for (const part of [context, stamp, entropy]) {
      bytes.set(part, at)
      at += part.length
    }
    const written = capture.recordInput(length, context.length, stamp.length, entropy.length)
    if (written >= 0) {
      // A memory that has grown is another buffer.
      if (bytes.length === 0) bytes = new Uint8Array(memory.buffer)
      return lines.copy(bytes, capture.line >>> 0, written)
    }
    if (written === -2) throw capture.refusal
    entropy = Buffer.alloc(nonce.length * capture.missing.nonces)
    return seal(change)
  }
}

/** Copies of lines, many in one buffer: a buffer for each costs more than the copy. */
class Lines {
  #room = new Uint8Array(1 << 16)
  #at = 0

  copy(from, start, length) {
    if (length > this.#room.length >> 3) return from.slice(start, start + length)
    if (this.#at + length > this.#room.length) [this.#room, this.#at] = [new Uint8Array(1 << 16), 0]
    const line = this.#room.subarray(this.#at, (this.#at += length))
    line.set(from.subarray(start, start + length))
    return line
  }
}

/** Bytes of two images in, bytes of the change list out. */
export function differ(glue) {
  return (before, after) => glue.diff(before, after, undefined)
}
