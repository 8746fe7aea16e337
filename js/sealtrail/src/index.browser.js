import { loadEngine } from './engine.browser.js'

export { ERROR_CODES, SealtrailError } from './errors.js'
export { loadEngine }

export async function verifyProof(proof, line, vkey) {
  return (await loadEngine()).verifyProof(proof, line, vkey)
}
