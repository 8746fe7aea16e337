import { AsyncResource } from 'node:async_hooks'
import { SealtrailError } from './errors.js'
import { Line, LineWriter } from './lines.js'
import { BATCH_BYTES, BATCH_LINES, delayOf, MOST_LINES } from './post.js'
import { Replay } from './replay.js'
import { isToSeal } from './to-seal.js'

/** Behind a POST of so many lines more are to be expected, and the next one waits so long for them. */
const MANY_LINES = 4
const GATHER_MS = 5

/**
 * Lines on their way to the sidecar. Bounded, in order, one POST at a time: the changes of one process are in the log
 * in the order in which they were recorded. A line is let go when its receipt says that it is on disk.
 *
 * A line that the sidecar does not take in time is an error (`drop`), is tried until it is taken (`block`), or goes into
 * the spool with all that is behind it (`spool`). While the spool holds anything, whatever comes goes behind that.
 */
export class Delivery {
  #sender
  #limits
  #blocks
  #spool
  #replay
  #onError
  #lines = new LineWriter()
  #queue = []
  /** Lines that have no outcome yet: in the queue, on their way to the sidecar, being written to the spool. */
  #waiting = 0
  #waitingBytes = 0
  /** The last lines of the spool are being sent: what comes now need not go there any more. */
  #handsOver = false
  #draining
  #gathered
  #wake
  #closesAt = Infinity
  // The loop serves many requests: it must not run in the context of the one that happened to start it.
  #scope = new AsyncResource('SealtrailDelivery')
  #counters = { recorded: 0, unchanged: 0, failed: 0, dropped: 0, retries: 0 }

  /**
   * @param {import('./sender.js').Sender} sender
   * @param {{ timeoutMs: number, maxQueue: number, maxQueueBytes: number, blocks: boolean }} limits
   * @param {{ spool?: import('./spool.js').Spool, onError?: (error: SealtrailError) => void }} [more]
   */
  constructor(sender, { blocks, ...limits }, { spool, onError = () => {} } = {}) {
    this.#sender = sender
    this.#limits = limits
    this.#blocks = blocks
    this.#spool = spool
    this.#onError = onError
    if (spool === undefined) return
    const onTrouble = () => {
      this.#handsOver = false
      this.#hold([])
    }
    this.#replay = new Replay(sender, spool, { attemptMs: limits.timeoutMs, counters: this.#counters, onError, onTrouble })
    if (spool.holds) this.#start()
  }

  /** Resolves with the receipt. Who does not look at the promise is told by `onError` all the same. */
  send(text, id) {
    const bytes = Buffer.byteLength(text)
    const { maxQueue, maxQueueBytes, timeoutMs } = this.#limits
    if (this.#waiting >= maxQueue || this.#waitingBytes + bytes > maxQueueBytes) {
      this.#counters.dropped++
      const why = bytes > maxQueueBytes
        ? `the change has ${bytes} bytes, and \`maxQueueBytes\` is ${maxQueueBytes}`
        : `${this.#waiting} changes (${this.#waitingBytes} bytes) wait for the sidecar already`
      throw new SealtrailError('queue_full', why)
    }
    const { buffer, end } = this.#lines.write(text, bytes)
    const item = new Waiting(buffer, end - bytes, end, id, this.#blocks ? Infinity : Date.now() + timeoutMs)
    this.#queue.push(item)
    this.#waiting++
    this.#waitingBytes += bytes
    if (this.#mustHold()) this.#hold([])
    else if (this.#queue.length === BATCH_LINES) this.#gathered?.()
    this.#start()
    return item.receipt
  }

  /** A change that did not come here is one that was not recorded, whatever it failed of. */
  countFailed() {
    this.#counters.failed++
  }

  stats() {
    return { queued: this.#waiting, held: this.#spool?.held ?? 0, ...this.#counters }
  }

  /** Resolves when nothing is waiting any more: it has its receipt, its error, or its place in the spool. */
  async close() {
    this.#closesAt = Date.now() + this.#limits.timeoutMs
    this.#gathered?.()
    this.#wake?.()
    this.#replay?.close()
    while (this.#draining) await this.#draining
    await this.#spool?.close()
    this.#sender.close()
  }

  #mustHold() {
    if (!this.#spool) return false
    // The other half of the queue is for what comes while this one is written.
    const isHalfFull = this.#waiting > this.#limits.maxQueue / 2 || this.#waitingBytes > this.#limits.maxQueueBytes / 2
    return isHalfFull || (this.#spool.holds && !this.#handsOver)
  }

  #start() {
    this.#draining ??= this.#scope.runInAsyncScope(() => this.#drain())
  }

  async #drain() {
    await null // what the caller records in the same turn goes in the same POST
    let lines = 0
    for (;;) {
      if (this.#spool?.holds) {
        this.#handsOver = this.#spool.isNearlyEmpty(BATCH_LINES)
        if (!(await this.#replay.next())) break
      } else if (this.#queue.length > 0) {
        if (lines >= MANY_LINES) await this.#gather()
        const batch = this.#take()
        lines = batch.length
        await this.#deliver(batch)
      } else break
    }
    this.#handsOver = false
    this.#draining = undefined
  }

  /** A POST costs as much as many lines. */
  async #gather() {
    if (this.#queue.length >= BATCH_LINES || this.#closesAt < Infinity) return
    await new Promise((resume) => {
      this.#gathered = resume
      setTimeout(resume, GATHER_MS)
    })
    this.#gathered = undefined
  }

  /** What gathered while the POST before was under way. */
  #take() {
    const seals = isToSeal(this.#queue[0])
    const most = seals ? BATCH_LINES : MOST_LINES
    let lines = 0
    let sum = 0
    for (const item of this.#queue) {
      if (lines === most || (lines > 0 && sum + item.bytes > BATCH_BYTES) || isToSeal(item) !== seals) break
      lines++
      sum += item.bytes
    }
    return this.#queue.splice(0, lines)
  }

  async #deliver(batch) {
    if (!this.#spool) batch = this.#inTime(batch, Date.now())
    for (let attempt = 0; batch.length > 0; attempt++) {
      const answer = await this.#sender.send(batch, this.#attemptMs(batch))
      const isAgain = answer.retry || (answer.timedOut && (this.#blocks || this.#spool))
      if (answer.perLine) {
        batch = this.#settleLines(batch, answer.perLine)
      } else if (answer.error && !isAgain) {
        // One bad line must not cost its neighbours their place.
        if (answer.splittable && batch.length > 1) {
          const half = batch.length >> 1
          await this.#deliver(batch.slice(0, half))
          await this.#deliver(batch.slice(half))
        } else {
          for (const item of batch) {
            if (answer.timedOut) this.#drop(item, answer.error)
            else this.#fail(item, answer.error)
          }
        }
        return
      }
      if (batch.length > 0) batch = await this.#pause(batch, attempt, answer)
    }
  }

  #attemptMs(batch) {
    if (this.#blocks || this.#spool) return Math.min(this.#limits.timeoutMs, this.#closesAt - Date.now())
    // The longest wait of the batch: to give up a POST that may yet succeed is to call a failure what is recorded.
    return batch.at(-1).deadline - Date.now()
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
      await new Promise((resume) => {
        this.#wake = resume
        setTimeout(resume, delay)
      })
    }
    return left
  }

  #inTime(batch, then, cause) {
    const isOver = (item) => Math.min(item.deadline, this.#closesAt) <= then
    if (this.#spool) {
      if (!batch.some(isOver)) return batch
      this.#hold(batch)
      return []
    }
    return batch.filter((item) => {
      if (!isOver(item)) return true
      this.#drop(item, new SealtrailError('delivery_timeout', `the change was not taken in time${cause ? `: ${cause.message}` : ''}`, { cause }))
      return false
    })
  }

  /** A batch and all that waits behind it go into the spool. */
  async #hold(batch) {
    const items = [...batch, ...this.#queue.splice(0)]
    let failure
    try {
      await this.#spool.append(items.map(({ text }) => text))
    } catch (error) {
      failure = error
    }
    for (const item of items) {
      if (failure) this.#drop(item, failure)
      else this.#release(item).resolve({ status: 'held', id: item.id })
    }
  }

  #succeed(item, receipt) {
    this.#counters[receipt.status === 'unchanged' ? 'unchanged' : 'recorded']++
    this.#release(item).resolve(receipt)
  }

  /** What nobody refused, and nobody took. */
  #drop(item, error) {
    this.#counters.dropped++
    this.#fail(item, error)
  }

  #fail(item, error) {
    this.#counters.failed++
    // Only now: most receipts come, and this makes another promise. Left alone it would end the process.
    item.receipt.catch(this.#onError)
    this.#release(item).reject(error)
  }

  #release(item) {
    this.#waiting--
    this.#waitingBytes -= item.bytes
    return item
  }
}

/** A line with the promise of its receipt. */
class Waiting extends Line {
  constructor(buffer, start, end, id, deadline) {
    super(buffer, start, end)
    this.id = id
    this.deadline = deadline
    this.receipt = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }
}
