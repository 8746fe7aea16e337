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

/** RFC 9562 section 5.7: 48 bits of milliseconds, the rest random. */
export function uuidv7() {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  let milliseconds = Date.now()
  for (let index = 5; index >= 0; index--) {
    bytes[index] = milliseconds % 256
    milliseconds = Math.floor(milliseconds / 256)
  }
  bytes[6] = 0x70 | (bytes[6] & 0x0f)
  bytes[8] = 0x80 | (bytes[8] & 0x3f)
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
