/** Codes that the core gives for a change, a policy or a record. */
export type CoreErrorCode =
  | 'malformed_json'
  | 'duplicate_key'
  | 'lone_surrogate'
  | 'too_deep'
  | 'too_large'
  | 'not_a_change'
  | 'unknown_action'
  | 'missing_field'
  | 'invalid_field'
  | 'policy_invalid'
  | 'selector_invalid'
  | 'tampered'
  | 'wrong_key'
  | 'shredded'
  | 'internal'

export type ProofErrorCode = 'proof_malformed' | 'proof_foreign' | 'proof_bad_signature' | 'proof_mismatch' | 'proof_not_witnessed'

/** Codes of the sidecar's problems (RFC 9457), beyond those of the core. */
export type SidecarErrorCode =
  | 'bad_request'
  | 'not_found'
  | 'method_not_allowed'
  | 'unsupported_media_type'
  | 'unsupported_encoding'
  | 'id_reused'
  | 'guest_failed'
  | 'log_unavailable'
  | 'log_in_use'
  | 'log_damaged'
  | 'period_expired'
  | 'unauthenticated'
  | 'invalid_token'
  | 'forbidden'
  | 'not_a_record'
  | 'not_leased'
  | 'policy_changed'

/** Values of JavaScript that JSON cannot carry. */
export type ValueErrorCode = 'unsupported_value' | 'number_not_finite' | 'unsafe_integer' | 'cycle'

export type PackageErrorCode =
  | 'invalid_option'
  | 'policy_missing'
  | 'actor_failed'
  | 'image_failed'
  | 'queue_full'
  | 'spool_full'
  | 'spool_failed'
  | 'spool_in_use'
  | 'spool_unreadable'
  | 'delivery_timeout'
  | 'delivery_refused'
  | 'unexpected_response'
  | 'trail_closed'
  | 'wasm_unavailable'
  | 'worker_failed'

export type ErrorCode = CoreErrorCode | ProofErrorCode | SidecarErrorCode | ValueErrorCode | PackageErrorCode

export declare const ERROR_CODES: readonly ErrorCode[]

/** Where in the input: a JSON pointer, and line and column where there is a text. */
export interface ErrorPlace {
  readonly pointer?: string
  readonly line?: number
  readonly column?: number
}

/**
 * Every error that this package throws or rejects with. `code` is stable; `message` is for people.
 *
 * @example
 * try {
 *   await trail.record({ entity, action: 'update', before, after })
 * } catch (error) {
 *   if (error instanceof SealtrailError && error.code === 'queue_full') shedLoad()
 *   else throw error
 * }
 */
export declare class SealtrailError extends Error {
  constructor(code: ErrorCode, message: string, detail?: { at?: ErrorPlace; status?: number; cause?: unknown })
  readonly name: 'SealtrailError'
  readonly code: ErrorCode
  readonly at?: ErrorPlace
  /** The HTTP status, where the sidecar refused. */
  readonly status?: number
  /**
   * Of `wrap`: the change was made, and this is what it gave; only its record failed. Of all other errors it is undefined. What
   * prints an error or writes it as JSON does not see it, since it may be personal.
   */
  get made(): { readonly result: unknown } | undefined
}
