import { changeText } from './change.js'
import { SealtrailError } from './errors.js'
import { jsonText } from './json-text.js'

/**
 * The engine in a thread of its own. What is an object here is written as text here, so that it is refused where it
 * would be by the engine, and nothing that a copy would lose goes over.
 */
export class EngineWorker {
  #thread
  #calls = new Map()
  #last = 0
  #failure

  /** @param {{ post(message: object): void, listen(told: (message: object) => void, failed: (cause: unknown) => void): void, keep(is: boolean): void, end(): unknown }} thread */
  constructor(thread) {
    this.#thread = thread
    thread.listen((message) => this.#settle(message), (cause) => this.#fail(cause))
  }

  diff(before, after, options) {
    return this.#call('diff', () => [portable(before, '/before'), portable(after, '/after'), optionsOf(options, 'policy')])
  }

  rows(line, options) {
    return this.#call('rows', () => [portable(line, '/line'), optionsOf(options, 'opened')])
  }

  textDifference(before, after, options) {
    return this.#call('textDifference', () => [before, after, options])
  }

  preview(policy, change, context = change?.context ?? {}, options) {
    const text = () => (isWritten(change) ? change : changeText(change, jsonText(context, '/context')))
    return this.#call('preview', () => [portable(policy, '/policy'), text(), undefined, options])
  }

  lint(policy, samples) {
    const texts = () => (Array.isArray(samples) ? samples.map((sample, i) => portable(sample, `/samples/${i}`)) : samples)
    return this.#call('lint', () => [portable(policy, '/policy'), texts()])
  }

  async close() {
    this.#fail(undefined)
    await this.#thread.end()
  }

  async #call(method, args) {
    const given = args()
    if (this.#failure) throw this.#failure
    const id = ++this.#last
    return new Promise((resolve, reject) => {
      try {
        this.#thread.post({ id, method, args: given })
      } catch (cause) {
        throw new SealtrailError('unsupported_value', 'the arguments, or the options, have what no copy for another thread carries', { cause })
      }
      this.#calls.set(id, { resolve, reject })
      this.#thread.keep(true)
    })
  }

  #settle({ id, result, error }) {
    const call = this.#calls.get(id)
    if (call === undefined) return
    this.#calls.delete(id)
    if (this.#calls.size === 0) this.#thread.keep(false)
    if (error) call.reject(SealtrailError.from(error, { status: error.status }))
    else call.resolve(result)
  }

  #fail(cause) {
    this.#failure ??= new SealtrailError('worker_failed', cause === undefined ? 'this worker is closed' : 'the worker ended', { cause })
    for (const { reject } of this.#calls.values()) reject(this.#failure)
    this.#calls.clear()
  }
}

/** What the thread does: one call after another. */
export function serve(loadEngine, post) {
  return async ({ id, method, args }) => {
    let answer
    try {
      answer = { id, result: (await loadEngine())[method](...args) }
    } catch (thrown) {
      const { code, message, at, status } = SealtrailError.from(thrown)
      answer = { id, error: { code, message, at, status } }
    }
    post(answer)
  }
}

function isWritten(value) {
  return typeof value === 'string' || value instanceof Uint8Array
}

function portable(value, pointer) {
  return value === undefined || isWritten(value) ? value : jsonText(value, pointer)
}

function optionsOf(options, name) {
  if (options?.[name] === undefined) return options
  return { ...options, [name]: portable(options[name], `/${name}`) }
}
