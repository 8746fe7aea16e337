import { SealtrailError } from './errors.js'
import { loadedOnce } from './loaded-once.js'
import { mustBe } from './option-checks.js'

const encoder = new TextEncoder()

/**
 * The check of proofs in this process, from a wasm module of its own: who checks a record needs nothing of the core.
 * `instantiate` is as for `engineLoader`; what is loaded is `verifyProof(proof, line, vkey)`.
 */
export function proofCheckLoader(instantiate) {
  return loadedOnce(async () => {
    const glue = await instantiate()
    return (proof, line, vkey) => check(glue, proof, line, vkey)
  })
}

function check(glue, proof, line, vkey) {
  mustBe(typeof proof === 'string' || proof instanceof Uint8Array, 'proof', 'a string or bytes', proof)
  mustBe(typeof line === 'string' || line instanceof Uint8Array, 'line', 'a string or bytes', line)
  mustBe(typeof vkey === 'string', 'vkey', 'a string', vkey)
  let proven
  try {
    proven = glue.verifyProof(bytesOf(proof), bytesOf(line), vkey)
  } catch (thrown) {
    throw SealtrailError.from(thrown)
  }
  // The edge gives integers as text; a log that outgrows 2^53 takes 285 years at a million records a second.
  return { ...proven, index: Number(proven.index), size: Number(proven.size) }
}

function bytesOf(given) {
  return typeof given === 'string' ? encoder.encode(given) : given
}
