import { loadEngine } from './engine.node.js'
import { knownOptions, mustBe } from './option-checks.js'

const OPTIONS = new Set(['keep'])

/**
 * What pino, and Fastify with it, say of every line; the default of the policy is not for these. The name of a logger is not
 * among them: the name of whoever is logged (`log.info(customer)`) stands in the same place.
 */
const KEPT = [
  '$.level', '$.time', '$.pid', '$.hostname', '$.msg', '$.reqId', '$.responseTime', '$.req.method', '$.res.statusCode', '$.err.type',
]

/** How every line of pino begins that has not been told otherwise. */
const BEGINNING = /^\{"level":(?:\d{1,5}|"\w{1,20}")(?:,"time":\d{1,20})?/

/** What a line has where an error is in it. */
const ERROR = /"(?:message|stack|err)":/
/** How a stack begins: with the error's class, its message, and the places in the code. */
const STACK = /^[^\n:]+: ([^]*?)(?:\n    at |$)/

/**
 * A function for pino's `hooks.streamWrite`: it gets each line as it is about to be written, so that nothing passes by
 * it, be it of a child logger, a mixin, a serializer or an error.
 */
export async function redact(policy, options) {
  const engine = await loadEngine()
  const { keep: asked = [] } = knownOptions(options, OPTIONS)
  mustBe(Array.isArray(asked), 'keep', 'an array of selectors', asked)
  const keep = [...KEPT, ...asked]
  const usual = engine.redactor(policy, { keep })
  // Who keeps the messages of errors keeps them in `msg` too.
  const withoutMsg = keep.includes('$.err.message') ? usual : engine.redactor(policy, { keep: keep.filter((select) => select !== '$.msg') })
  const redacted = (line) => {
    const redactor = withoutMsg !== usual && ERROR.test(line) && repeatsError(line) ? withoutMsg : usual
    return `${redactor(line)}\n`
  }
  return function redactLine(line) {
    try {
      return redacted(line)
    } catch {
      return withoutOddities(line, redacted)
    }
  }
}

/** Of an error that is logged alone pino makes the message of the line; with `nestedKey` the error is a level deeper. */
function repeatsError(line) {
  const { msg, ...members } = JSON.parse(line)
  if (typeof msg !== 'string') return false
  const objects = (value) => Object.entries(value).filter(([, member]) => member !== null && typeof member === 'object')
  return objects(members).some(([name, value]) => mayHaveSaid(name, value, msg) || objects(value).some(([below, error]) => mayHaveSaid(below, error, msg)))
}

/**
 * Whether a message may be that of an error, or have it in it. The serializer of pino puts the messages of causes behind that of
 * the error; another one may change it, or leave it out.
 */
function mayHaveSaid(name, { message, stack }, msg) {
  if (typeof message !== 'string' && typeof stack !== 'string') return name === 'err'
  const said = [message, STACK.exec(stack)?.[1]]
  return said.some((text) => typeof text === 'string' && text !== '' && (text.includes(msg) || msg.includes(text)))
}

/** A line with a key twice (of which the last one counts, as pino says), or with half of a surrogate pair. */
function withoutOddities(line, redacted) {
  try {
    const parsed = JSON.parse(line)
    return redacted(JSON.stringify(parsed, (_, value) => (typeof value === 'string' ? value.toWellFormed() : value)))
  } catch (error) {
    // What cannot be looked into is not written.
    const [beginning = '{"level":50'] = BEGINNING.exec(line) ?? []
    return `${beginning},"msg":"[line withheld: ${error.code ?? 'malformed_json'}]"}\n`
  }
}
