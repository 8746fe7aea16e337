import { SealtrailError } from './errors.js'
import { joined } from './lines.js'
import { TimedOut } from './transport.js'

const RETRY_STATUS = new Set([429, 502, 503, 504])
/** Refused for what the body says, so a smaller body may say something else. */
const SPLIT_STATUS = new Set([400, 413, 422])

/** One POST carries up to this; of lines that take work before, to be sealed or read from a spool, up to BATCH_LINES. */
export const MOST_LINES = 1_000
export const BATCH_BYTES = 1 << 20
export const BATCH_LINES = 128

/**
 * One POST of changes, and what it came to: `perLine` outcomes in the order of the batch, or one `error` for all of it
 * with `retry`, `timedOut` or `splittable`.
 *
 * @param {import('./transport.js').Transport} transport
 * @param {import('./lines.js').Line[]} batch
 */
export async function post(transport, batch, timeoutMs) {
  return postLines(transport, 'v1/changes', joined(batch), batch.length, timeoutMs)
}

/** One POST of so many lines, each of which has a receipt or a problem. */
export async function postLines(transport, path, body, lines, timeoutMs) {
  const answer = await ask(transport, { path, body }, timeoutMs)
  return answer.error === undefined ? receiptsOf(answer.bytes, lines, answer.status) : answer
}

/** One request: its answer where that is a success, else its `error` as above. */
export async function ask(transport, wanted, timeoutMs) {
  let answer
  try {
    answer = await transport.ask(wanted, timeoutMs)
  } catch (cause) {
    if (cause instanceof TimedOut) {
      return { timedOut: true, error: new SealtrailError('delivery_timeout', `the sidecar at \`${transport.address}\` did not answer in time`, { cause }) }
    }
    return { retry: true, error: new SealtrailError('delivery_refused', `the sidecar at \`${transport.address}\` cannot be reached${cause.code ? `: ${cause.code}` : ''}`, { cause }) }
  }
  const { status } = answer
  if (status >= 200 && status < 300) return answer
  return {
    error: problemOf(parsed(answer.bytes), status, transport.address),
    retry: RETRY_STATUS.has(status),
    retryAfterMs: retryAfter(answer.retryAfter),
    splittable: SPLIT_STATUS.has(status),
  }
}

/** The lines of an answer, each read; none where they are not as many as they should be. */
export function linesOf(bytes, expected) {
  const lines = bytes.toString().trimEnd().split('\n')
  if (lines.length !== expected) return undefined
  // One call of the parser for all of them.
  const answers = parsed(`[${lines.join()}]`)
  return answers?.length === expected ? answers : undefined
}

/** What a line says that is a problem. */
export function refusalOf(told) {
  return { error: problemOf(told, told.status), retry: RETRY_STATUS.has(told.status) }
}

export function strange(message, status) {
  return { error: new SealtrailError('unexpected_response', message, { status }) }
}

/** A longer timer is over at once. */
const LONGEST_TIMER = 2 ** 31 - 1

/** Full jitter over 50 ms, 100 ms, … 5 s; never sooner than the sidecar asked for. */
export function delayOf(attempt, retryAfterMs = 0, random = Math.random) {
  const jittered = random() * Math.min(5_000, 50 * 2 ** Math.min(attempt, 10))
  return Math.min(LONGEST_TIMER, Math.ceil(retryAfterMs > 0 ? retryAfterMs + jittered : Math.max(10, jittered)))
}

/** RFC 9110 section 10.2.3: seconds or a date. */
export function retryAfter(header, now = Date.now()) {
  if (header === undefined) return undefined
  const milliseconds = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isFinite(milliseconds) && milliseconds > 0 ? milliseconds : undefined
}

function receiptsOf(bytes, expected, status) {
  const perLine = []
  for (const told of linesOf(bytes, expected) ?? []) {
    if (typeof told?.id === 'string' || told?.status === 'unchanged') perLine.push({ receipt: receiptOf(told) })
    else if (typeof told?.code === 'string') perLine.push(refusalOf(told))
  }
  if (perLine.length === expected) return { perLine }
  return strange(`the sidecar did not answer ${expected} receipts to ${expected} changes: they may have been recorded`, status)
}

function receiptOf({ id, index, status, correlation_id: correlationId }) {
  return { id, index, status, correlationId }
}

function problemOf(told, status, address) {
  // The proxy beside it would pass the request on to the service.
  const message = `\`${address}\` answered with status ${status} and without a reason: is it the API of the sidecar?`
  return SealtrailError.from(told?.code ? told : { ...told, message: told?.detail ?? told?.title ?? message }, {
    status,
    fallback: status === 401 || status === 403 ? 'delivery_refused' : 'unexpected_response',
  })
}

function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
