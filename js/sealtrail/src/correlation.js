import { randomUUID } from 'node:crypto'
import { traceIdOf } from './trace-context.js'

/** What a correlation id may be; the sidecar has the same rule, so an id is never accepted here and replaced there. */
const ACCEPTED = /^[A-Za-z0-9._:@/+=-]{1,128}$/

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

export function isCorrelationId(value) {
  return typeof value === 'string' && ACCEPTED.test(value)
}

/** The id of a request: the first header that has an acceptable one, else the trace id, else a new UUIDv7. */
export function correlationOf(headers) {
  for (const name of ['x-correlation-id', 'x-request-id', 'request-id']) {
    if (isCorrelationId(headers[name])) return headers[name]
  }
  return traceIdOf(headers.traceparent) ?? uuidv7()
}

/** The id that the sidecar's proxy gave this very request, where it came through one. */
export function requestIdOf(headers) {
  const id = headers['x-sealtrail-request']
  return typeof id === 'string' && UUID.test(id) ? id : undefined
}

/** What the counter of an id may be, written. */
const COUNTS = Array.from({ length: 1 << 12 }, (_, count) => count.toString(16).padStart(3, '0'))

let time
let counter
let beginning
let end

/**
 * RFC 9562 section 5.7: 48 bits of milliseconds, then a counter of 12 bits (section 6.2, method 1), then 62 random bits, which
 * are drawn once a millisecond: to draw and write 122 of them costs a request several times as much.
 */
export function uuidv7() {
  const now = Date.now()
  if (now !== time || counter === COUNTS.length) {
    const digits = now.toString(16).padStart(12, '0')
    ;[time, counter] = [now, 0]
    beginning = `${digits.slice(0, 8)}-${digits.slice(8)}-7`
    end = randomUUID().slice(18)
  }
  return beginning + COUNTS[counter++] + end
}
