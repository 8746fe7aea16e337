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

let time
let beginning

/** RFC 9562 section 5.7: 48 bits of milliseconds, the rest random, as in the UUIDs of version 4 that Node makes in stock. */
export function uuidv7() {
  const now = Date.now()
  if (now !== time) {
    const digits = now.toString(16).padStart(12, '0')
    ;[time, beginning] = [now, `${digits.slice(0, 8)}-${digits.slice(8)}-7`]
  }
  return beginning + randomUUID().slice(15)
}
