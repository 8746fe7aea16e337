export { ERROR_CODES, SealtrailError } from './errors.js'
export { loadEngine } from './engine.browser.js'
export { verifyProof } from './proof.browser.js'
