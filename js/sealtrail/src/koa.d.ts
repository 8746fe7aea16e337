import type { Trail } from './trail.js'

/**
 * First of all middleware. The trail's `actor` is asked with Koa's `ctx`.
 *
 * @example
 * import Koa from 'koa'
 * import { middleware } from 'sealtrail/koa'
 *
 * const app = new Koa()
 * app.use(middleware(trail))
 */
export declare function middleware(trail: Trail): (ctx: any, next: () => Promise<any>) => Promise<void>
