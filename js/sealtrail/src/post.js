import { SealtrailError } from './errors.js'
import { TimedOut } from './transport.js'

const RETRY_STATUS = new Set([429, 502, 503, 504])
/** Refused for what the body says, so a smaller body may say something else. */
const SPLIT_STATUS = new Set([400, 413, 422])

/** One POST carries up to this. */
export const BATCH_LINES = 128
export const BATCH_BYTES = 1 << 20

/**
 * One POST of changes, and what it came to: `perLine` outcomes in the order of the batch, or one `error` for all of it
 * with `retry`, `timedOut` or `splittable`.
 *
 * @param {import('./transport.js').Transport} transport
 * @param {{ text: string }[]} batch
 */
export async function post(transport, batch, timeoutMs) {
  let answer
  try {
    let body = ''
    for (const { text } of batch) body += `${text}\n`
    answer = await transport.post(body, timeoutMs)
  } catch (cause) {
    if (cause instanceof TimedOut) {
      return { timedOut: true, error: new SealtrailError('delivery_timeout', 'the sidecar did not answer in time', { cause }) }
    }
    return { retry: true, error: new SealtrailError('delivery_refused', 'the sidecar cannot be reached', { cause }) }
  }
  const { status, text } = answer
  if (status >= 200 && status < 300) return receiptsOf(text, batch.length, status)
  return {
    error: problemOf(parsed(text), status),
    retry: RETRY_STATUS.has(status),
    retryAfterMs: retryAfter(answer.retryAfter),
    splittable: SPLIT_STATUS.has(status),
  }
}

/** Full jitter over 50 ms, 100 ms, … 5 s; never sooner than the sidecar asked for. */
export function delayOf(attempt, retryAfterMs = 0, random = Math.random) {
  const jittered = random() * Math.min(5_000, 50 * 2 ** Math.min(attempt, 10))
  return Math.ceil(retryAfterMs > 0 ? retryAfterMs + jittered : Math.max(10, jittered))
}

/** RFC 9110 section 10.2.3: seconds or a date. */
export function retryAfter(header, now = Date.now()) {
  if (header === undefined) return undefined
  const milliseconds = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isFinite(milliseconds) && milliseconds > 0 ? milliseconds : undefined
}

function receiptsOf(text, expected, status) {
  const lines = text.trimEnd().split('\n')
  if (lines.length !== expected) return strange(`the sidecar answered ${lines.length} receipts to ${expected} changes`, status)
  // One call of the parser for all of them.
  const answers = parsed(`[${lines.join()}]`)
  if (answers?.length !== expected) return strange('the sidecar answered what is not a receipt', status)
  const perLine = []
  for (const told of answers) {
    if (typeof told?.id === 'string' || told?.status === 'unchanged') {
      perLine.push({ receipt: receiptOf(told) })
    } else if (typeof told?.code === 'string') {
      perLine.push({ error: problemOf(told, told.status), retry: RETRY_STATUS.has(told.status) })
    } else {
      return strange('the sidecar answered what is not a receipt', status)
    }
  }
  return { perLine }
}

function receiptOf({ id, index, status, correlation_id: correlationId }) {
  return { id, index, status, correlationId }
}

function problemOf(told, status) {
  const message = `the sidecar refused with status ${status}`
  return SealtrailError.from(told?.code ? told : { ...told, message: told?.detail ?? told?.title ?? message }, {
    status,
    fallback: status === 401 || status === 403 ? 'delivery_refused' : 'unexpected_response',
  })
}

function strange(message, status) {
  return { error: new SealtrailError('unexpected_response', `${message}: they may have been recorded`, { status }) }
}

function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
