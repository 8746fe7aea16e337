import type { Trail } from './trail.js'

/**
 * @example
 * import fastify from 'fastify'
 * import { plugin } from 'sealtrail/fastify'
 *
 * const app = fastify()
 * await app.register(plugin, { trail })
 */
export declare const plugin: (fastify: any, options: { trail: Trail }, done: (error?: Error) => void) => void
