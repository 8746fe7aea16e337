/**
 * Codes that the core and the sidecar give (RFC 9457 problems carry the same), and the package's own.
 * They are a promise: a code keeps its meaning, a text may be made better.
 */
export const ERROR_CODES = Object.freeze([
  // the core: a change, a policy, a record
  'malformed_json',
  'duplicate_key',
  'lone_surrogate',
  'too_deep',
  'too_large',
  'not_a_change',
  'unknown_action',
  'missing_field',
  'invalid_field',
  'policy_invalid',
  'selector_invalid',
  'tampered',
  'wrong_key',
  'shredded',
  'internal',
  // a proof
  'proof_malformed',
  'proof_foreign',
  'proof_bad_signature',
  'proof_mismatch',
  'proof_not_witnessed',
  // the sidecar
  'bad_request',
  'not_found',
  'method_not_allowed',
  'unsupported_media_type',
  'unsupported_encoding',
  'id_reused',
  'guest_failed',
  'log_unavailable',
  'log_in_use',
  'log_damaged',
  'period_expired',
  'unauthenticated',
  'invalid_token',
  'forbidden',
  'not_a_record',
  'not_leased',
  'policy_changed',
  // values that JSON cannot carry
  'unsupported_value',
  'number_not_finite',
  'unsafe_integer',
  'cycle',
  // this package
  'invalid_option',
  'policy_missing',
  'actor_failed',
  'image_failed',
  'queue_full',
  'spool_full',
  'spool_failed',
  'spool_in_use',
  'spool_unreadable',
  'delivery_timeout',
  'delivery_refused',
  'unexpected_response',
  'trail_closed',
  'wasm_unavailable',
  'worker_failed',
])

const known = new Set(ERROR_CODES)

/** Every error that this package throws or rejects with. Decide on `code`, show `message`. */
export class SealtrailError extends Error {
  name = 'SealtrailError'
  /** Private: what prints an error, copies it or writes it as JSON does not come by what a service's change gave. */
  #made

  /**
   * @param {import('./errors.js').ErrorCode} code
   * @param {string} message
   * @param {{ at?: object, status?: number, cause?: unknown }} [detail]
   */
  constructor(code, message, { at, status, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    if (at !== undefined) this.at = at
    if (status !== undefined) this.status = status
  }

  get made() {
    return this.#made
  }

  /** The error for who made a change, and gets it in place of what the change gave. Another object: one error may be of many changes. */
  static ofMade(thrown, result) {
    const { code, message, at, status, cause } = SealtrailError.from(thrown)
    const error = new SealtrailError(code, message, { at, status, cause })
    error.#made = Object.freeze({ result })
    return error
  }

  /** What crossed the wasm edge or came as a problem document: `{ code, message | detail, at }`. */
  static from(thrown, { status, fallback = 'internal' } = {}) {
    if (thrown instanceof SealtrailError) return thrown
    const told = thrown !== null && typeof thrown === 'object' && !(thrown instanceof Error) ? thrown : {}
    const message = told.message ?? told.detail ?? told.title ?? 'failed without saying why'
    return new SealtrailError(known.has(told.code) ? told.code : fallback, String(message), {
      at: told.at ?? undefined,
      status: status ?? undefined,
      cause: thrown instanceof Error ? thrown : undefined,
    })
  }
}
