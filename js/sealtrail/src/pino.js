import { loadEngine } from './engine.node.js'

/** What pino, and Fastify with it, say of every line; the default of the policy is not for these. */
const KEPT = [
  '$.level', '$.time', '$.pid', '$.hostname', '$.name', '$.msg', '$.reqId', '$.responseTime', '$.req.method', '$.res.statusCode', '$.err.type',
]

/** How every line of pino begins that has not been told otherwise. */
const BEGINNING = /^\{"level":(?:\d{1,5}|"\w{1,20}")(?:,"time":\d{1,20})?/

/**
 * A function for pino's `hooks.streamWrite`: it gets each line as it is about to be written, so that nothing passes by
 * it, be it of a child logger, a mixin, a serializer or an error.
 */
export async function redact(policy, options) {
  const engine = await loadEngine()
  const keep = [...KEPT, ...(options?.keep ?? [])]
  const usual = engine.redactor(policy, { ...options, keep })
  // Who keeps the messages of errors keeps them in `msg` too.
  const withoutMsg = keep.includes('$.err.message') ? usual : engine.redactor(policy, { keep: keep.filter((select) => select !== '$.msg') })
  return function redactLine(line) {
    try {
      const redactor = withoutMsg !== usual && line.includes('"message":') && repeatsError(line) ? withoutMsg : usual
      return `${redactor(line)}\n`
    } catch {
      return withoutOddities(line, withoutMsg)
    }
  }
}

/** Of an error that is logged alone pino makes the message of the line. */
function repeatsError(line) {
  const { msg, ...members } = JSON.parse(line)
  const isIt = (value) => value?.message === msg
  return msg !== undefined && Object.values(members).some((value) => isIt(value) || (typeof value === 'object' && Object.values(value ?? {}).some(isIt)))
}

/** A line with a key twice (of which the last one counts, as pino says), or with half of a surrogate pair. */
function withoutOddities(line, redactor) {
  try {
    const parsed = JSON.parse(line)
    return `${redactor(JSON.stringify(parsed, (_, value) => (typeof value === 'string' ? value.toWellFormed() : value)))}\n`
  } catch (error) {
    // What cannot be looked into is not written.
    const [beginning = '{"level":50'] = BEGINNING.exec(line) ?? []
    return `${beginning},"msg":"[line withheld: ${error.code ?? 'malformed_json'}]"}\n`
  }
}
