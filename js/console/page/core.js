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
 * page's Content-Security-Policy is the worker's too.
 */
export class Core {
  #worker = new CoreWorker()
  #calls = new Map()
  #last = 0

  constructor() {
    this.#worker.addEventListener('message', ({ data: { number, result, error } }) => {
      const call = this.#calls.get(number)
      this.#calls.delete(number)
      if (error) call.reject(new CoreError(error))
      else call.resolve(result)
    })
    this.#worker.addEventListener('error', ({ message }) => {
      for (const call of this.#calls.values()) call.reject(new CoreError({ message: message || 'the worker ended' }))
      this.#calls.clear()
    })
  }

  call(call, argument, transfer = []) {
    const number = ++this.#last
    return new Promise((resolve, reject) => {
      this.#calls.set(number, { resolve, reject })
      this.#worker.postMessage({ number, call, argument }, transfer)
    })
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
