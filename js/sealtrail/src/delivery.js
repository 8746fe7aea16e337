import { AsyncResource } from 'node:async_hooks'
import { delayOf, post } from './post.js'
import { SealtrailError } from './errors.js'

/** One POST carries what gathered while the one before was under way, up to this. */
const BATCH_LINES = 128
const BATCH_BYTES = 1 << 20

/**
 * Lines on their way to the sidecar. Bounded, in order, one POST at a time: the changes of one process are in the log
 * in the order in which they were recorded. A line is let go when its receipt says that it is on disk.
 */
export class Delivery {
  #target
  #limits
  #queue = []
  #queuedBytes = 0
  #inFlight = 0
  #draining
  // The loop serves many requests: it must not run in the context of the one that happened to start it.
  #scope = new AsyncResource('SealtrailDelivery')
  #counters = { recorded: 0, unchanged: 0, failed: 0, retries: 0 }

  /** @param {{ url: URL, token?: string, fetch: typeof fetch }} target */
  constructor(target, { timeoutMs, maxQueue, maxQueueBytes }) {
    this.#target = target
    this.#limits = { timeoutMs, maxQueue, maxQueueBytes }
  }

  /** Resolves with the receipt. */
  send(text) {
    const body = Buffer.from(text)
    const { maxQueue, maxQueueBytes, timeoutMs } = this.#limits
    const waiting = this.#queue.length + this.#inFlight
    if (waiting >= maxQueue || this.#queuedBytes + body.length > maxQueueBytes) {
      this.#counters.failed++
      throw new SealtrailError('queue_full', `${waiting} changes (${this.#queuedBytes} bytes) wait for the sidecar already`)
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ body, deadline: Date.now() + timeoutMs, resolve, reject })
      this.#queuedBytes += body.length
      this.#draining ??= this.#scope.runInAsyncScope(() => this.#drain())
    })
  }

  /** Resolves when nothing is waiting any more. */
  async idle() {
    while (this.#draining) await this.#draining
  }

  stats() {
    return { queued: this.#queue.length + this.#inFlight, ...this.#counters }
  }

  async #drain() {
    await null // what the caller records in the same turn goes in the same POST
    while (this.#queue.length > 0) {
      const batch = this.#take()
      this.#inFlight = batch.length
      await this.#deliver(batch)
      this.#inFlight = 0
    }
    this.#draining = undefined
  }

  #take() {
    let lines = 0
    let bytes = 0
    for (const { body } of this.#queue) {
      if (lines === BATCH_LINES || (lines > 0 && bytes + body.length > BATCH_BYTES)) break
      lines++
      bytes += body.length
    }
    return this.#queue.splice(0, lines)
  }

  async #deliver(batch) {
    batch = this.#inTime(batch, Date.now())
    for (let attempt = 0; batch.length > 0; attempt++) {
      // The longest wait of the batch: to give up a POST that may yet succeed is to call a failure what is recorded.
      const answer = await post(this.#target, batch, batch.at(-1).deadline - Date.now())
      if (answer.perLine) {
        batch = this.#settleLines(batch, answer.perLine)
      } else if (answer.error && !answer.retry) {
        // One bad line must not cost its neighbours their place.
        if (answer.splittable && batch.length > 1) {
          for (const item of batch) await this.#deliver([item])
        } else {
          for (const item of batch) this.#fail(item, answer.error)
        }
        return
      }
      if (batch.length > 0) batch = await this.#pause(batch, attempt, answer)
    }
  }

  /** Answers each line; gives back those that the sidecar had no room for. */
  #settleLines(batch, outcomes) {
    return batch.filter((item, index) => {
      const { receipt, error, retry } = outcomes[index]
      if (retry) return true
      if (error) this.#fail(item, error)
      else this.#succeed(item, receipt)
      return false
    })
  }

  async #pause(batch, attempt, answer) {
    const delay = delayOf(attempt, answer.retryAfterMs)
    const left = this.#inTime(batch, Date.now() + delay, answer.error)
    if (left.length > 0) {
      this.#counters.retries++
      await new Promise((resume) => setTimeout(resume, delay))
    }
    return left
  }

  #inTime(batch, then, cause) {
    return batch.filter((item) => {
      if (item.deadline > then) return true
      this.#fail(item, new SealtrailError('delivery_timeout', 'the sidecar did not take the change in time', { cause }))
      return false
    })
  }

  #succeed(item, receipt) {
    this.#queuedBytes -= item.body.length
    this.#counters[receipt.status === 'unchanged' ? 'unchanged' : 'recorded']++
    item.resolve(receipt)
  }

  #fail(item, error) {
    this.#queuedBytes -= item.body.length
    this.#counters.failed++
    item.reject(error)
  }
}
