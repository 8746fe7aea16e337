import type { Json } from './engine.js'

export interface RedactOptions {
  /**
   * Selectors from the root of the line on, for what no rule of the policy names, as `$.err.stack`, or `$.name` of a logger that
   * has one. Kept as they are: `level`, `time`, `pid`, `hostname`, `msg`, `reqId`, `responseTime`, `req.method`, `res.statusCode`
   * and `err.type`.
   */
  keep?: string[] | undefined
}

/**
 * What the policy of the audit trail protects, the log does not show. Everything that a line holds is looked at, wherever
 * it comes from: a rule holds wherever its path ends, the strictest one decides, and what no rule names has the default
 * of the policy. A sealed value is `[sealed <group>]`.
 *
 * In the words of `msg` only payment card numbers are found: what is personal belongs into fields.
 *
 * @example
 * import pino from 'pino'
 * import { redact } from 'sealtrail/pino'
 *
 * const log = pino({ hooks: { streamWrite: await redact(policy) } })
 * log.info({ customer: { email: 'ada@example.org' } }, 'saved')
 */
export declare function redact(policy: Json, options?: RedactOptions): Promise<(line: string) => string>
