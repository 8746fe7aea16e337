import { loadEngine } from './engine.node.js'

export { ERROR_CODES, SealtrailError } from './errors.js'
export { createTrail } from './trail.js'
export { loadEngine }

export async function verifyProof(proof, line, vkey) {
  return (await loadEngine()).verifyProof(proof, line, vkey)
}
