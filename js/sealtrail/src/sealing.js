import { SealtrailError } from './errors.js'
import { takeKeys, wipe, withKeys } from './leased-keys.js'
import { ask, linesOf, postLines, refusalOf, strange } from './post.js'
import { changeOf } from './to-seal.js'

/** Keys that are asked for at once: their answer stays far below what the transport takes. */
const KEYS_AT_ONCE = 4_000
/** A policy that changes while it is used, or a lease that ended too early, is no reason to wait. */
const ROUNDS = 3
/** One change is not sealed more often than this. */
const LEASES = 20
/** Refusals of a record that another lease may help against. */
const LEASE_AGAIN = new Set(['not_leased', 'shredded', 'policy_changed'])

/**
 * Seals changes in this process and sends the records:
 *
 *     policy ─► plan ─► POST v1/leases ─► seal, wipe the keys ─► POST v1/records
 *
 * The keys of a record are here from the answer of the one POST to the beginning of the other, and no longer than that turn
 * of the event loop. What was sealed and had no answer goes again byte for byte as long as its lease lasts, then it is sealed
 * again: the change's id makes it one record.
 */
export class Sealing {
  #transport
  #engine
  #random
  #sealer

  /** @param {import('./transport.js').Transport} transport */
  constructor(transport, engine, { random } = {}) {
    this.#transport = transport
    this.#engine = engine
    this.#random = random
  }

  /** As `Sender.send`. What is remembered of a change between two calls is in its `sealed` and `leases`. */
  async send(batch, timeoutMs) {
    const ends = performance.now() + timeoutMs
    const outcomes = new Array(batch.length).fill(undefined)
    let failure
    for (let round = 0; round < ROUNDS && failure === undefined && outcomes.includes(undefined); round++) {
      failure = await this.#round(batch, outcomes, ends)
    }
    if (!outcomes.includes(undefined)) return { perLine: outcomes }
    failure ??= { retry: true, error: batch.find(({ refusal }) => refusal)?.refusal ?? changing() }
    // None of it has an outcome of its own: it may be split, or be too late.
    if (outcomes.every((outcome) => outcome === undefined)) return failure
    const rest = { error: failure.error, retry: failure.retry || failure.timedOut || failure.splittable }
    return { perLine: outcomes.map((outcome) => outcome ?? rest), error: failure.error, retryAfterMs: failure.retryAfterMs }
  }

  /** One attempt at what has no outcome yet; gives what it failed of as a whole. */
  async #round(batch, outcomes, ends) {
    const left = () => ends - performance.now()
    const failure = await this.#loadPolicy(left())
    if (failure) return failure
    const planned = this.#planned(batch, outcomes)
    try {
      for (const portion of portions(planned)) {
        const failure = (await this.#lease(portion, outcomes, left())) ?? (await this.#post(portion, outcomes, left()))
        if (failure) return failure
      }
    } finally {
      for (const { plan } of planned) plan?.release()
    }
    return undefined
  }

  async #loadPolicy(timeoutMs) {
    if (this.#sealer !== undefined) return undefined
    const answer = await ask(this.#transport, { path: 'v1/policy' }, timeoutMs)
    if (answer.error) return { ...answer, splittable: false }
    try {
      this.#sealer = this.#engine.sealer(answer.bytes)
    } catch (error) {
      return { error }
    }
    return undefined
  }

  #forgetPolicy() {
    this.#sealer?.end()
    this.#sealer = undefined
  }

  /** The changes that are to be sent, each with what its keys are for; those that were sealed before need none. */
  #planned(batch, outcomes) {
    const planned = []
    for (const [index, item] of batch.entries()) {
      if (outcomes[index] !== undefined) continue
      if (item.sealed?.until > performance.now()) {
        planned.push({ index, item, needs: [] })
        continue
      }
      item.sealed = undefined
      try {
        const plan = this.#sealer.plan(changeOf(item))
        if (plan.outcome === 'record') {
          planned.push({ index, item, plan, needs: plan.needs })
          continue
        }
        plan.release()
        outcomes[index] = { receipt: { status: 'unchanged', correlationId: plan.context.correlation_id } }
      } catch (error) {
        outcomes[index] = { error: SealtrailError.from(error) }
      }
    }
    return planned
  }

  /** Leases and seals, in one turn. */
  async #lease(portion, outcomes, timeoutMs) {
    const wanting = portion.filter(({ item }) => item.sealed === undefined)
    const policy = this.#sealer?.sha256
    // Forgotten meanwhile: what was planned by it is planned again.
    if (wanting.length === 0 || policy === undefined) return undefined
    const began = performance.now()
    const body = wanting.map(({ needs }) => `${JSON.stringify({ policy, needs })}\n`).join('')
    const answer = await ask(this.#transport, { path: 'v1/leases', body }, timeoutMs)
    if (answer.error) return answer
    let keys = []
    try {
      keys = takeKeys(answer.bytes)
      const leases = linesOf(answer.bytes, wanting.length)
      if (leases === undefined) return strange('the sidecar did not answer a lease for each record', answer.status)
      for (const [i, { index, item, plan }] of wanting.entries()) {
        const lease = leases[i]
        if (lease.code === 'policy_changed') {
          this.#forgetPolicy()
          continue
        }
        if (typeof lease.code === 'string') {
          outcomes[index] = refusalOf(lease)
          continue
        }
        const leased = withKeys(lease.keys, keys)
        // Another policy is in force than the one it was planned by.
        if (lease.policy !== this.#sealer?.sha256) this.#forgetPolicy()
        else outcomes[index] = this.#seal(item, plan, lease, leased, began)
        wipe(leased)
      }
    } catch (cause) {
      return { error: new SealtrailError('unexpected_response', 'the sidecar answered what is not a lease', { status: answer.status, cause }) }
    } finally {
      // Those of leases that are not used.
      for (const key of keys) key.fill(0)
    }
    return undefined
  }

  /** Gives an outcome where there is one already. */
  #seal(item, plan, { stamp, expires_in_ms: lifetime }, keys, began) {
    try {
      item.leases = (item.leases ?? 0) + 1
      item.sealed = { line: plan.seal(stamp, keys, this.#random), until: began + lifetime }
      return undefined
    } catch (error) {
      return { error: SealtrailError.from(error) }
    }
  }

  async #post(portion, outcomes, timeoutMs) {
    const sealed = portion.filter(({ item }) => item.sealed !== undefined)
    if (sealed.length === 0) return undefined
    const body = sealed.map(({ item }) => `${item.sealed.line}\n`).join('')
    const answer = await postLines(this.#transport, 'v1/records', body, sealed.length, timeoutMs)
    if (answer.error) return answer
    for (const [i, { index, item }] of sealed.entries()) {
      const outcome = answer.perLine[i]
      const { code } = outcome.error ?? {}
      if (code === 'policy_changed') this.#forgetPolicy()
      if (LEASE_AGAIN.has(code) && item.leases < LEASES) {
        item.sealed = undefined
        item.refusal = outcome.error
      } else outcomes[index] = outcome
    }
    return undefined
  }
}

function changing() {
  return new SealtrailError('policy_changed', 'the policy of the sidecar changes faster than changes are sealed')
}

/** So that no answer is too long. */
function portions(planned) {
  const found = []
  let room = 0
  for (const one of planned) {
    if (one.needs.length > room || found.length === 0) {
      found.push([])
      room = KEYS_AT_ONCE
    }
    room -= one.needs.length
    found.at(-1).push(one)
  }
  return found
}
