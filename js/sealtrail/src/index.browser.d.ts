import type { VerifiedProof } from './engine.js'

export { ERROR_CODES, SealtrailError } from './errors.js'
export type {
  CoreErrorCode, ErrorCode, ErrorPlace, PackageErrorCode, ProofErrorCode, SidecarErrorCode, ValueErrorCode,
} from './errors.js'
export { loadEngine } from './engine.js'
export type {
  AttributeChange, AttributeRow, DiffOptions, Engine, FieldTreatment, Finding, Json, PatchOperation, PolicySummary, Preview,
  Loss, RowsOptions, TextDifference, VerifiedProof,
} from './engine.js'

/**
 * Checks a C2SP `.tlog-proof` against the record's line and the log's verifier key: the leaf, the path to the root,
 * and the signature of the checkpoint. Offline. Rejects with a `SealtrailError` where any of them fails.
 */
export declare function verifyProof(proof: string | Uint8Array, line: string | Uint8Array, vkey: string): Promise<VerifiedProof>
