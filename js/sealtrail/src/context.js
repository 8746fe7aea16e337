import { correlationOf, isCorrelationId, requestIdOf } from './correlation.js'
import { SealtrailError } from './errors.js'
import { jsonText, usualText } from './json-text.js'
import { kindOf } from './option-checks.js'
import { traceOf } from './trace-context.js'
import { userAgentOf } from './user-agent.js'

/** What the answer to a request says of it. */
export const CORRELATION_HEADER = 'x-correlation-id'

/**
 * What a middleware knows of a request. The actor is asked for when a change is recorded, not here: authentication
 * usually runs after this.
 *
 * @param {{ source: unknown, headers: object, method: string, target: string, ip: (source: any) => string | undefined }} incoming
 */
export function contextOf(incoming) {
  return new RequestContext(incoming)
}

/** What was read from the headers of a request: of these values a record needs not ask again what they are. */
const READ = Symbol('read')
const NOTHING = {}
const INCOMING = Symbol('incoming')

/** Of a context that somebody gives; `source` is what `actor` is asked with. */
const MEMBERS = new Set(['correlationId', 'requestId', 'traceparent', 'tracestate', 'actor', 'service', 'tenant', 'time', 'request', 'source'])
const REQUEST_MEMBERS = new Set(['method', 'path', 'ip', 'userAgent'])

/** One of each request: an object of one shape, without functions of its own. */
class RequestContext {
  constructor(incoming) {
    const { headers, source } = incoming
    const { traceparent, tracestate } = headers.traceparent === undefined ? NOTHING : traceOf(headers)
    this.correlationId = correlationOf(headers)
    this.requestId = requestIdOf(headers)
    this.traceparent = traceparent
    this.tracestate = tracestate
    this[READ] = { correlationId: this.correlationId, requestId: this.requestId, traceparent, tracestate }
    this.source = source
    this[INCOMING] = incoming
  }

  get request() {
    return seenRequest(this[INCOMING])
  }
}

/** What was seen of a request, asked for by a change that says it itself. */
function seenRequest({ source, headers, method, target, ip }) {
  return { method, path: withoutQuery(target), ip: addressOf(ip(source)), userAgent: headers['user-agent'] }
}

/** What is said of it may be a function, too. */
function requestOf(context, { behindProxy }) {
  const said = Object.hasOwn(context, 'request') ? context.request : undefined
  if (said !== undefined && typeof said !== 'function') return said
  if (behindProxy) return undefined
  return said === undefined ? context[INCOMING] && seenRequest(context[INCOMING]) : context.request()
}

/** The context that somebody gives, or an error: what is misspelt would be lost without a word. */
export function givenContext(given) {
  if (given === undefined || given === null || given instanceof RequestContext) return given
  checkMembers(given, MEMBERS, '/context')
  const { request } = given
  if (request !== undefined && request !== null && typeof request !== 'function') checkMembers(request, REQUEST_MEMBERS, '/context/request')
  return given
}

function checkMembers(given, known, pointer) {
  const what = pointer.slice(1).replace('/', '.')
  if (given === null || typeof given !== 'object') throw invalid(pointer, `\`${what}\` must be an object, got ${kindOf(given)}`)
  for (const name of Object.keys(given)) {
    if (!known.has(name)) throw invalid(`${pointer}/${name}`, `\`${what}\` has no member \`${name}\`; there are ${[...known].filter((member) => member !== 'source').join(', ')}`)
  }
}

/** What a change says of its context wins, member by member; what is undefined says nothing. */
export function contextWith(context, said) {
  const both = { ...context }
  // The state is of the trace that it came with.
  if (said.traceparent !== undefined) both.tracestate = undefined
  for (const name of Reflect.ownKeys(givenContext(said))) if (said[name] !== undefined) both[name] = said[name]
  return both
}

/**
 * The context of a change as JSON, in the spelling of the wire. Behind the sidecar's proxy the request itself is left out:
 * the sidecar saw it first-hand, and what a change says of itself would win over it. Named is only which one it was:
 * a correlation id may stand for several.
 *
 * Of each record, so it is put together of texts; ids and times that were checked need no escapes.
 */
export function contextText(context, origin) {
  const { correlationId, [READ]: read = NOTHING } = context
  const [service, tenant] = [context.service ?? origin.service, context.tenant ?? origin.tenant]
  const request = requestOf(context, origin)
  const actor = actorOf(context, origin)
  let text = correlationId === undefined ? '{' : `{"correlation_id":"${correlationId === read.correlationId ? correlationId : checkedId(correlationId)}",`
  if (context.traceparent !== undefined) {
    const isRead = context.traceparent === read.traceparent && context.tracestate === read.tracestate
    const { traceparent, tracestate } = isRead ? read : checkedTrace(context)
    text += `"traceparent":"${traceparent}",`
    if (tracestate !== undefined) text += `"tracestate":${JSON.stringify(tracestate)},`
  }
  text += `"time":${context.time === undefined || context.time === null ? `"${now()}"` : jsonText(context.time, '/context/time')}`
  if (service !== undefined) text += `,"service":${serviceText(service, '/context/service')}`
  if (tenant !== undefined) text += `,"tenant":${jsonText(tenant, '/context/tenant')}`
  if (actor !== undefined) text += `,"actor":${jsonText(actor, '/context/actor')}`
  const id = origin.behindProxy ? context.requestId : undefined
  if (!request && id !== undefined && id === read.requestId) return `${text},"request":{"id":"${id}"}}`
  const members = requestMembers(request, id, origin)
  return members === undefined ? `${text}}` : `${text},"request":${jsonText(members, '/context/request')}}`
}

/** Who acts, asked for now. */
export function actorOf({ actor, source }, origin) {
  return actor ?? askedActor(origin.actor, source)
}

const serviceText = usualText()

let stamp = 0
let stampText

/** Many records are of the same millisecond. */
function now() {
  const time = Date.now()
  if (time !== stamp) [stamp, stampText] = [time, new Date(time).toISOString()]
  return stampText
}

/** Where it listens on `::`, Node writes an IPv4 address as one of IPv6 (RFC 4291 section 2.5.5.2). */
function addressOf(ip) {
  return ip?.replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/i, '')
}

function requestMembers(request, id, origin) {
  if (!request) return id === undefined ? undefined : { id }
  const { method, path, ip, userAgent } = request
  return withoutUndefined({ id, method, path: withoutQuery(path), ip, user_agent: userAgentOf(userAgent, origin) })
}

/** Queries carry personal data and secrets, whoever reports them. */
function withoutQuery(path) {
  return typeof path === 'string' ? path.split(/[?#]/, 1)[0] : path
}

function checkedTrace(context) {
  const trace = traceOf(context)
  if (trace.traceparent !== undefined) return trace
  throw invalid('/context/traceparent', 'a traceparent is one of W3C Trace Context, as `00-<trace id>-<parent id>-01`')
}

function checkedId(id) {
  if (isCorrelationId(id)) return id
  throw invalid('/context/correlation_id', 'a correlation id is 1 to 128 characters of `A-Z a-z 0-9 . _ : @ / + = -`')
}

function invalid(pointer, message) {
  return new SealtrailError('invalid_field', message, { at: { pointer } })
}

function askedActor(actor, source) {
  if (actor === undefined || source === undefined) return undefined
  try {
    return actor(source) ?? undefined
  } catch (cause) {
    throw new SealtrailError('actor_failed', 'the `actor` function of this trail threw', { cause })
  }
}

function withoutUndefined(members) {
  const left = {}
  for (const name in members) if (members[name] !== undefined) left[name] = members[name]
  return left
}
