import { AsyncLocalStorage } from 'node:async_hooks'
import { changeText } from './change.js'
import { actorOf, contextText, contextWith, givenContext } from './context.js'
import { uuidv7 } from './correlation.js'
import { Delivery } from './delivery.js'
import { loadEngine } from './engine.node.js'
import { SealtrailError } from './errors.js'
import { imageText } from './json-text.js'
import { invalidOption, knownOptions } from './option-checks.js'
import { readOptions, SPOOLED_IN_CLEAR } from './options.js'
import { Reveals } from './reveals.js'
import { Sender } from './sender.js'
import { Spool } from './spool.js'
import { toSeal } from './to-seal.js'

const PREVIEW_OPTIONS = new Set(['policy', 'raw'])
/** Nobody joins what is sealed here with its request. */
const SEALING = { behindProxy: false, sealsHere: true }

/** Reads the options, loads the core and opens the spool, if there is one; the sidecar need not be up yet. */
export async function createTrail(options) {
  const read = readOptions(options)
  const engine = await loadEngine()
  if (read.policy !== undefined) engine.policySummary(read.policy)
  const spool = read.spool && (await Spool.open(read.spool))
  return new Trail(read, engine, spool)
}

class Trail {
  #storage = new AsyncLocalStorage()
  #engine
  #delivery
  #reveals
  #seals
  #spoolsInClear
  #origin
  #policy
  #onError
  #closed

  constructor({ target, limits, origin, policy, onError, seals, spool: { key } = {} }, engine, spool) {
    this.#engine = engine
    this.#delivery = new Delivery(new Sender(target, engine), limits, { spool, onError })
    this.#reveals = new Reveals(target, engine, limits.timeoutMs)
    this.#seals = seals
    this.#spoolsInClear = spool !== undefined && key === undefined
    this.#origin = origin
    this.#policy = policy
    this.#onError = onError
  }

  record(change) {
    return this.#send(change, this.#seals)
  }

  seal(change) {
    return this.#send(change, true)
  }

  async reveal(record, options) {
    if (this.#closed) throw new SealtrailError('trail_closed', 'this trail is closed')
    const context = this.#storage.getStore() ?? {}
    return this.#reveals.open(record, options, { actor: actorOf(context, this.#origin), correlationId: context.correlationId })
  }

  async wrap(entity, load, change) {
    // An in-memory store may hand out the object that `change` is about to modify: keep the text, not the object.
    const before = await imageOf(load, '/before')
    const result = await change()
    try {
      return { result, receipt: await this.#recordMade(entity, before, load) }
    } catch (error) {
      throw SealtrailError.ofMade(error, result)
    }
  }

  run(context, callback, ...args) {
    return this.#storage.run(givenContext(context), callback, ...args)
  }

  get context() {
    return this.#storage.getStore()
  }

  diff(before, after, options) {
    return this.#engine.diff(before, after, options)
  }

  preview(change, options) {
    const { policy = this.#policy, ...rest } = knownOptions(options, PREVIEW_OPTIONS)
    if (policy === undefined) throw new SealtrailError('policy_missing', 'a preview needs a policy: here, or as an option of the trail')
    const isWritten = typeof change === 'string' || change instanceof Uint8Array
    const context = { ...this.#contextOf(change), requestId: undefined }
    // Of what is sealed here a record has what this trail knows of the request, and of the rest what the sidecar makes of it.
    const origin = { ...this.#origin, isPreview: true, ...(this.#seals && SEALING) }
    return this.#engine.preview(policy, isWritten ? change : changeText(change, contextText(context, origin)), undefined, rest)
  }

  stats() {
    return this.#delivery.stats()
  }

  async close() {
    this.#reveals.close()
    await (this.#closed ??= this.#delivery.close())
  }

  /** The change is made: from here on what fails is its record. */
  async #recordMade(entity, before, load) {
    let after
    try {
      after = await imageOf(load, '/after')
    } catch (cause) {
      if (cause instanceof SealtrailError) return this.#refused(cause)
      return this.#refused(new SealtrailError('image_failed', 'the image after a change that was made could not be loaded', { cause }))
    }
    const action = before === null ? 'create' : after === null ? 'delete' : 'update'
    return this.record({ entity, action, before, after })
  }

  #send(change, seals) {
    try {
      if (this.#closed) throw new SealtrailError('trail_closed', 'this trail is closed')
      // Written out now: what the caller does with the objects afterwards is another change.
      // Its id makes it one record, however often it must be sent until an answer comes back.
      const id = change?.id ?? uuidv7()
      return this.#delivery.send(seals ? this.#textToSeal(change, id) : changeText(change, contextText(this.#contextOf(change), this.#origin), { id }), id)
    } catch (error) {
      return this.#refused(error)
    }
  }

  /** Counted and told, whether somebody looks at the promise or not. */
  #refused(error) {
    this.#delivery.countFailed()
    const receipt = Promise.reject(error)
    receipt.catch(this.#onError)
    return receipt
  }

  /** It says itself what there is to say of its request. */
  #textToSeal(change, id) {
    if (this.#spoolsInClear) throw invalidOption('seal', SPOOLED_IN_CLEAR)
    const context = this.#contextOf(change)
    const named = context.correlationId === undefined ? { ...context, correlationId: uuidv7() } : context
    return toSeal(changeText(change, contextText(named, { ...this.#origin, ...SEALING }), { id }))
  }

  #contextOf(change) {
    const context = this.#storage.getStore() ?? {}
    return change?.context ? contextWith(context, change.context) : context
  }
}

/** What `load` answers: nothing found is `null`, there is no such entity. */
async function imageOf(load, pointer) {
  const image = (await load()) ?? null
  return image === null ? null : imageText(image, pointer)
}
