import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Trail } from './trail.js'

/**
 * @example
 * import express from 'express'
 * import { middleware } from 'sealtrail/express'
 *
 * const app = express()
 * app.use(middleware(trail))
 */
export declare function middleware(
  trail: Trail,
): (req: IncomingMessage & { originalUrl: string; ip?: string | undefined }, res: ServerResponse, next: (error?: unknown) => void) => void
