import { SealtrailError } from './errors.js'
import { loadedOnce } from './loaded-once.js'
import { invalidOption, kindOf, knownOptions, mustBe } from './option-checks.js'

const encoder = new TextEncoder()

const OPTIONS = new Set(['witnessPolicy'])

/**
 * The check of proofs in this process, from a wasm module of its own: who checks a record needs nothing of the core.
 * `instantiate` is as for `engineLoader`; what is loaded is `verifyProof(proof, line, vkey, options)`.
 */
export function proofCheckLoader(instantiate) {
  return loadedOnce(async () => {
    const glue = await instantiate()
    return (...given) => check(glue, ...given)
  })
}

function check(glue, proof, line, vkey, options) {
  mustBe(isTextOrBytes(proof), 'proof', 'a string or bytes', proof)
  mustBe(isTextOrBytes(line), 'line', 'a string or bytes', line)
  mustBe(typeof vkey === 'string', 'vkey', 'a string', vkey)
  const policy = witnessPolicyOf(options)
  let proven
  try {
    proven = glue.verifyProof(bytesOf(proof), bytesOf(line), vkey, policy)
  } catch (thrown) {
    throw SealtrailError.from(thrown)
  }
  // The edge gives integers as text; a log that outgrows 2^53 takes 285 years at a million records a second.
  const numbers = { index: Number(proven.index), size: Number(proven.size) }
  const witnesses = proven.witnesses?.map(({ name, time }) => ({ name, time: Number(time) }))
  return { ...proven, ...numbers, ...(witnesses && { witnesses }) }
}

/** Whoever asks for witnesses must not go without them unseen: an empty policy is one that cannot be read. */
function witnessPolicyOf(options) {
  const { witnessPolicy } = knownOptions(options, OPTIONS)
  if (witnessPolicy === undefined) return undefined
  if (!isTextOrBytes(witnessPolicy)) throw invalidOption('witnessPolicy', `must be a string or bytes, got ${kindOf(witnessPolicy)}`)
  return bytesOf(witnessPolicy)
}

function isTextOrBytes(given) {
  return typeof given === 'string' || given instanceof Uint8Array
}

function bytesOf(given) {
  return typeof given === 'string' ? encoder.encode(given) : given
}
