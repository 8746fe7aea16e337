import { SealtrailError } from './errors.js'
import { BATCH_BYTES, BATCH_LINES, delayOf } from './post.js'
import { sameWay } from './to-seal.js'

/** A disk that cannot be read is asked again after some seconds. */
const FAILED_READS = 10

/** Sends what the spool holds, from its beginning, until the sidecar has taken it. */
export class Replay {
  #sender
  #spool
  #attemptMs
  #counters
  #onError
  #onTrouble
  #closesAt = Infinity
  #wake
  /** The code that was told last: an outage is one message. */
  #told

  /** `onTrouble` is called where an attempt failed and another waits for its time. */
  constructor(sender, spool, { attemptMs, counters, onError, onTrouble }) {
    this.#sender = sender
    this.#spool = spool
    this.#attemptMs = attemptMs
    this.#counters = counters
    this.#onError = onError
    this.#onTrouble = onTrouble
  }

  /** Sends the next lines; whether to go on. */
  async next() {
    let lines
    try {
      lines = sameWay(await this.#spool.next(BATCH_LINES, BATCH_BYTES))
    } catch (error) {
      this.#tell(error)
      if (error.lines === undefined) return this.#pause(FAILED_READS)
      this.#counters.failed += error.lines
      return true
    }
    for (let attempt = 0; lines.length > 0; attempt++) {
      const answer = await this.#sender.send(lines, this.#attemptMs)
      if (answer.perLine) {
        const settled = await this.#settle(lines, answer.perLine)
        lines = lines.slice(settled)
        if (settled > 0) this.#told = undefined
      } else if (answer.splittable && lines.length > 1) {
        // One bad line must not cost its neighbours their place.
        lines = lines.slice(0, 1)
        continue
      } else if (answer.splittable) {
        await this.#settle(lines, [{ error: answer.error }])
        return true
      } else if (!answer.retry && !answer.timedOut) {
        this.#tell(answer.error)
      }
      if (lines.length > 0 && !(await this.#pause(attempt, answer.retryAfterMs))) return false
    }
    return true
  }

  close() {
    this.#closesAt = Date.now() + this.#attemptMs
    this.#wake?.()
  }

  /** Lets go of the lines up to the first that the sidecar had no room for; what is behind it is known there already. */
  async #settle(lines, outcomes) {
    const first = outcomes.findIndex(({ retry }) => retry)
    const settled = first === -1 ? lines.length : first
    const refused = []
    for (let i = 0; i < settled; i++) {
      const { receipt, error } = outcomes[i]
      if (error) refused.push([lines[i], error])
      else this.#counters[receipt.status === 'unchanged' ? 'unchanged' : 'recorded']++
    }
    const place = refused.length > 0 ? await this.#spool.setAside(refused.map(([line]) => line)) : undefined
    for (const [, error] of refused) {
      this.#counters.failed++
      const { code, message, at, status } = error
      const kept = place === undefined ? 'there is no room to keep it' : `it is in \`${place}\``
      this.#onError(new SealtrailError(code, `a change of the spool was refused, ${kept}: ${message}`, { at, status, cause: error }))
    }
    await this.#spool.advance(lines.slice(0, settled))
    return settled
  }

  #tell(error) {
    if (this.#told === error.code) return
    this.#told = error.code
    this.#onError(error)
  }

  /** Whether the wait is over and there is time for another attempt. */
  async #pause(attempt, retryAfterMs) {
    this.#onTrouble()
    if (this.#closesAt < Infinity) return false
    this.#counters.retries++
    await new Promise((resume) => {
      this.#wake = resume
      // What is on disk need not keep a process that has nothing else to do.
      setTimeout(resume, delayOf(attempt, retryAfterMs)).unref()
    })
    this.#wake = undefined
    return true
  }
}
