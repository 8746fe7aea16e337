const NONCE_BYTES = 12
/** As many bytes as one call of `getRandomValues` gives. */
const RANDOM_BYTES = 1 << 16

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** A policy that changes are sealed by. Each change that is on its way has a capture of the core to itself. */
export class Sealer {
  #glue
  #policy
  #engine
  #idle = []
  #isOver = false

  constructor(glue, policy, engine) {
    this.#glue = glue
    this.#policy = policy
    this.#engine = engine
    this.sha256 = glue.policySummary(policy).sha256
  }

  /**
   * What is needed to seal a change, with its context, as JSON text: `{ outcome, needs, context }`. `seal(stamp, keys)` then gives
   * the record's line, once, without a line end; `release()` comes last.
   */
  plan(text) {
    const capture = this.#idle.pop() ?? new this.#glue.Capture(this.#policy)
    const release = () => (this.#isOver ? capture.free() : this.#idle.push(capture))
    try {
      const { context } = JSON.parse(decoder.decode(capture.read(encoder.encode(text))))
      // Nobody but a proxy that has seen the token says so; of a change that is sent in clear the sidecar drops it too.
      delete context?.actor?.verified
      const { outcome, needs, nonces } = capture.plan(encoder.encode(JSON.stringify(context)))
      const seal = (stamp, keys, random = randomBytes) =>
        decoder.decode(capture.sealLeased({ ...stamp, engine: this.#engine }, random(nonces * NONCE_BYTES), keys))
      return { outcome, needs, context, seal, release }
    } catch (error) {
      release()
      throw error
    }
  }

  /** Another policy is in force. */
  end() {
    this.#isOver = true
    for (const capture of this.#idle.splice(0)) capture.free()
  }
}

function randomBytes(length) {
  const bytes = new Uint8Array(length)
  for (let at = 0; at < length; at += RANDOM_BYTES) crypto.getRandomValues(bytes.subarray(at, at + RANDOM_BYTES))
  return bytes
}
