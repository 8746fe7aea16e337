const NONCE_BYTES = 12
/** As many bytes as one call of `getRandomValues` gives. */
const RANDOM_BYTES = 1 << 16

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** A policy that changes are sealed by. It knows one change at a time: what was planned last need not be read again. */
export class Sealer {
  #capture
  #engine
  #planned

  constructor(glue, policy, engine) {
    this.#capture = new glue.Capture(policy)
    this.#engine = engine
    this.sha256 = glue.policySummary(policy).sha256
  }

  /** `{ outcome, needs, nonces, context }` of a change with its context, as JSON text. */
  plan(text) {
    this.#planned = undefined
    const { context } = JSON.parse(decoder.decode(this.#capture.read(encoder.encode(text))))
    const plan = this.#capture.plan(encoder.encode(JSON.stringify(context)))
    this.#planned = { text, nonces: plan.nonces }
    return { ...plan, context }
  }

  /**
   * The record's line, without a line end.
   *
   * @param {{ origin: string, id: string, recorded_time: string }} stamp
   * @param {{ kids: [string, string], key: Uint8Array, commit?: Uint8Array }[]} keys in the order of the needs
   */
  seal(text, stamp, keys, random = randomBytes) {
    if (this.#planned?.text !== text) this.plan(text)
    const { nonces } = this.#planned
    this.#planned = undefined
    return decoder.decode(this.#capture.sealLeased({ ...stamp, engine: this.#engine }, random(nonces * NONCE_BYTES), keys))
  }
}

function randomBytes(length) {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at += RANDOM_BYTES) crypto.getRandomValues(bytes.subarray(at, at + RANDOM_BYTES))
  return bytes
}
