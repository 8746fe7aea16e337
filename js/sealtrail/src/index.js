export { ERROR_CODES, SealtrailError } from './errors.js'
export { createTrail } from './trail.js'
export { loadEngine } from './engine.node.js'
export { verifyProof } from './proof.node.js'
