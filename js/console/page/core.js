import CoreWorker from './worker/worker.js?worker&inline'

/** What the core says of a text that is wrong; `at` is `{ line, column, pointer }` where it knows the place. */
export class CoreError extends Error {
  constructor({ message, code, at, source }) {
    super(message)
    Object.assign(this, { code, at, source })
  }
}

/**
 * The core, in a worker: a large payload never holds up the page. The worker's script is part of the page's, so that the
 * page's Content-Security-Policy is the worker's too. A worker that ended is told to all who wait for it (`worker_ended`), and
 * whoever asks next has another one. That has previewed nothing yet (`nothing_previewed`).
 */
export class Core {
  #bytes
  #thread
  #listeners = new Set()

  /** @param {Promise<ArrayBuffer>} bytes of `guest.wasm`; kept for the workers to come, since then there may be no network */
  constructor(bytes) {
    this.#bytes = bytes
  }

  /** Resolves with `{ sha256 }` of what the worker has loaded. */
  load() {
    if (this.#thread === undefined || this.#thread.hasEnded) {
      this.#thread = new Thread(this.#bytes)
      for (const listener of this.#listeners) listener(this.#thread.loaded)
    }
    return this.#thread.loaded
  }

  async call(call, argument) {
    await this.load()
    return this.#thread.ask(call, argument)
  }

  /** Tells of each worker that is started from now on, with what `load` gives for it. */
  onLoad(listener) {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

/** One worker, and who waits for it. */
class Thread {
  #worker = new CoreWorker()
  #calls = new Map()
  #last = 0
  #ended

  constructor(bytes) {
    this.#worker.addEventListener('message', ({ data }) => this.#settle(data))
    this.#worker.addEventListener('messageerror', () => this.#end('its answer cannot be read'))
    this.#worker.addEventListener('error', ({ message }) => this.#end(message || 'its script could not be loaded'))
    const lock = `${performance.timeOrigin} ${Math.random()}`
    this.loaded = bytes.then((bytes) => this.ask('load', { bytes, lock }))
    this.loaded.then(({ isHeld }) => isHeld && this.#watch(lock), ({ message }) => this.#end(message))
  }

  /** Of a worker that is ended from outside nothing tells but the lock that it held. */
  #watch(lock) {
    navigator.locks.request(lock, () => this.#end('without saying why'))
  }

  get hasEnded() {
    return this.#ended !== undefined
  }

  ask(call, argument) {
    const number = ++this.#last
    return new Promise((resolve, reject) => {
      if (this.#ended) return reject(this.#ended)
      this.#worker.postMessage({ number, call, argument })
      this.#calls.set(number, { resolve, reject })
    })
  }

  #settle({ number, result, error }) {
    const call = this.#calls.get(number)
    this.#calls.delete(number)
    if (error) call?.reject(new CoreError(error))
    else call?.resolve(result)
  }

  #end(why) {
    this.#ended ??= new CoreError({ code: 'worker_ended', message: `the worker that runs the core ended (${why}); what is asked next starts another one` })
    this.#worker.terminate()
    for (const { reject } of this.#calls.values()) reject(this.#ended)
    this.#calls.clear()
  }
}

/**
 * A function that works through the newest of what it is given: while one is at work, only the last of those that come
 * is kept.
 */
export function newestOnly(work) {
  let isBusy = false
  let next
  return async function run(given) {
    if (isBusy) {
      next = { given }
      return
    }
    isBusy = true
    try {
      await work(given)
    } finally {
      isBusy = false
      const { given: waiting } = next ?? {}
      const isWaiting = next !== undefined
      next = undefined
      if (isWaiting) run(waiting)
    }
  }
}
