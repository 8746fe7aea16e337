import type { VerifiedProof, VerifyProofOptions, WitnessedProof } from './engine.js'

export { ERROR_CODES, SealtrailError } from './errors.js'
export type {
  CoreErrorCode, ErrorCode, ErrorPlace, PackageErrorCode, ProofErrorCode, SidecarErrorCode, ValueErrorCode,
} from './errors.js'
export { loadEngine } from './engine.js'
export type {
  AttributeChange, AttributeRow, Cosignature, DiffOptions, Engine, FieldTreatment, Finding, Json, PatchOperation, PolicySummary,
  Preview, Loss, RowsOptions, TextDifference, VerifiedProof, VerifyProofOptions, WitnessedProof,
} from './engine.js'

/**
 * Checks a C2SP `.tlog-proof` against the record's line and the log's verifier key: the leaf, the path to the root,
 * and the signature of the checkpoint. Offline. Rejects with a `SealtrailError` where any of them fails.
 *
 * @example
 * const { origin, index } = await verifyProof(proof, line, vkey)
 * console.log(`record ${index} of ${origin}`)
 *
 * // The witnesses of a policy must have cosigned the checkpoint too.
 * try {
 *   const { witnesses } = await verifyProof(proof, line, vkey, { witnessPolicy })
 *   for (const { name, time } of witnesses) console.log(name, 'cosigned at', new Date(1000 * time))
 * } catch (error) {
 *   if (error instanceof SealtrailError && error.code === 'proof_not_witnessed') console.log(error.message)
 *   else throw error
 * }
 */
export declare function verifyProof(
  proof: string | Uint8Array, line: string | Uint8Array, vkey: string, options: { witnessPolicy: string | Uint8Array },
): Promise<WitnessedProof>
export declare function verifyProof(
  proof: string | Uint8Array, line: string | Uint8Array, vkey: string, options?: VerifyProofOptions,
): Promise<VerifiedProof>
