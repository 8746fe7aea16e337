import type { Trail } from './trail.js'

/**
 * First of all middleware. The trail's `actor` is asked with Hono's context, `c`. The client's address is known with
 * `@hono/node-server` only.
 *
 * @example
 * import { Hono } from 'hono'
 * import { middleware } from 'sealtrail/hono'
 *
 * const app = new Hono()
 * app.use(middleware(trail))
 */
export declare function middleware(trail: Trail): (c: any, next: () => Promise<void>) => Promise<void>
