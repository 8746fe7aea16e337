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
  const capture = new glue.Capture(policy)
  capture.lendSubject('thing/1', keys.subjectKid, keys.subjectKey)
  capture.lendPeriod('standard', keys.periodKid, keys.periodKey)
  const context = Buffer.from(JSON.stringify({ correlation_id: correlationId }))
  const stamp = Buffer.from(JSON.stringify({ origin, id: recordId, recorded_time: recordedTime, engine }))
  // Nonces that come again are for a benchmark only.
  let entropy = Buffer.alloc(nonce.length * 64)
  return (change) => {
    const line = capture.record(change, context, stamp, entropy)
    if (line !== undefined) return line
    entropy = Buffer.alloc(nonce.length * capture.missing.nonces)
    return capture.record(change, context, stamp, entropy)
  }
}

/** The same from JavaScript objects, by the way of the package. */
export function objectSealer(glue, policy) {
  const [seal, images] = [sealer(glue, policy), new Images(new glue.Capture(policy).pruning)]
  return (change) => seal(Buffer.from(changeText(change, {}, images)))
}

/** Bytes of two images in, bytes of the change list out. */
export function differ(glue) {
  return (before, after) => glue.diff(before, after, undefined)
}
