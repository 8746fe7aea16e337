import { CORRELATION_HEADER } from './context.js'
import { SealtrailError } from './errors.js'
import { takeKeys, wipe, withKeys } from './leased-keys.js'
import { knownOptions, missing } from './option-checks.js'
import { ask } from './post.js'
import { Transport } from './transport.js'

/** Leases that are kept at a time. */
const AT_MOST = 100
const OPTIONS = new Set(['group', 'reason', 'raw'])
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * Opens values of records in this process. The keys of one group of one record are leased; asked again for the same reason
 * while the lease lasts, the same keys are used, and it is one reveal in the log.
 *
 * A lease is over at its time, counted from before it was asked for, so never later than the sidecar thinks. Its keys are not
 * used any more then, and are wiped.
 */
export class Reveals {
  #target
  #engine
  #timeoutMs
  #transport
  /** The promise of each, oldest first. */
  #leases = new Map()

  constructor(target, engine, timeoutMs) {
    this.#target = target
    this.#engine = engine
    this.#timeoutMs = timeoutMs
  }

  /** @param {{ actor?: object, correlationId?: string }} asker */
  async open(record, options, { actor, correlationId } = {}) {
    const { group, reason, raw = false } = knownOptions(options, OPTIONS)
    for (const [name, text] of Object.entries({ group, reason })) if (typeof text !== 'string' || text === '') throw missing(`/${name}`)
    const line = await this.#lineOf(record)
    const id = idOf(line)
    const wanted = { path: `v1/records/${id}/lease`, headers: correlationId && { [CORRELATION_HEADER]: correlationId } }
    const body = JSON.stringify({ group, reason, ...(actor && { actor: { type: actor.type ?? 'user', id: String(actor.id) } }) })
    const { keys, erased, reveal, revealIndex } = await this.#lease(id + body, { ...wanted, body })
    const opened = this.#engine.openLeased(line, keys)
    const values = erased.length === 0 ? opened : `[${[opened.slice(1, -1), JSON.stringify(erased).slice(1, -1)].filter(Boolean).join()}]`
    return { record: id, group, values: raw ? values : JSON.parse(values), reveal, revealIndex }
  }

  close() {
    for (const name of this.#leases.keys()) this.#forget(name)
    this.#transport?.close()
  }

  async #lineOf(record) {
    if (record instanceof Uint8Array) return Buffer.from(record).toString()
    if (typeof record !== 'string') throw missing('/record')
    return UUID.test(record) ? (await this.#ask({ path: `v1/records/${record}` })).bytes.toString() : record
  }

  /** One that lasts, of what is kept or anew. */
  async #lease(name, wanted) {
    // Each is a record in the log, so not until it works.
    for (const isLast of [false, true]) {
      if (!this.#leases.has(name)) this.#keep(name, this.#newLease(name, wanted))
      const lease = await this.#leases.get(name)
      // It may have ended between its coming and this turn.
      if (lease.keys !== undefined && performance.now() < lease.until) return lease
      this.#forget(name)
      if (isLast) throw new SealtrailError('not_leased', 'the lease of the keys was over before they were here')
    }
  }

  #keep(name, lease) {
    this.#leases.set(name, lease)
    // Who waits for it hears of it.
    lease.catch(() => this.#leases.get(name) === lease && this.#leases.delete(name))
    if (this.#leases.size > AT_MOST) this.#forget(this.#leases.keys().next().value)
  }

  async #newLease(name, wanted) {
    const began = performance.now()
    const { bytes } = await this.#ask({ ...wanted, type: 'application/json' })
    const taken = takeKeys(bytes)
    const told = JSON.parse(bytes.toString())
    const lease = {
      keys: withKeys(told.keys, taken), erased: told.erased ?? [], reveal: told.reveal, revealIndex: told.reveal_index,
      until: began + told.expires_in_ms,
    }
    // It need not keep a process that has nothing else to do.
    lease.timer = setTimeout(() => this.#forget(name, lease), Math.max(0, lease.until - performance.now())).unref()
    return lease
  }

  /** Wipes it, also where it is still on its way. */
  #forget(name, only) {
    const kept = this.#leases.get(name)
    const end = (lease) => {
      clearTimeout(lease.timer)
      if (lease.keys) wipe(lease.keys)
      lease.keys = undefined
    }
    if (only !== undefined) end(only)
    else kept?.then(end, () => {})
    this.#leases.delete(name)
  }

  async #ask(wanted) {
    this.#transport ??= new Transport(this.#target)
    const answer = await ask(this.#transport, wanted, this.#timeoutMs)
    if (answer.error) throw answer.error
    return answer
  }
}

function idOf(line) {
  let id
  try {
    ;({ id } = JSON.parse(line))
  } catch (cause) {
    throw new SealtrailError('malformed_json', 'the record is not JSON', { cause, at: { pointer: '/record' } })
  }
  if (typeof id === 'string' && UUID.test(id)) return id
  throw new SealtrailError('invalid_field', 'a record has an `id` that is a UUID', { at: { pointer: '/record/id' } })
}
