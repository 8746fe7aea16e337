import { contextOf, CORRELATION_HEADER } from './context.js'
import { listenWithin } from './within.js'

/** Everything that runs below this middleware records under the request's correlation id. */
export function middleware(trail) {
  return async function sealtrail(ctx, next) {
    const { headers, method, originalUrl } = ctx
    const context = contextOf({ source: ctx, headers, method, target: originalUrl, ip: addressOf })
    ctx.set(CORRELATION_HEADER, context.correlationId)
    listenWithin(trail, context, ctx.req, ctx.res)
    try {
      await trail.run(context, next)
    } catch (error) {
      // Koa's answer to an error has the headers of the error only.
      if (error instanceof Error) error.headers = { ...error.headers, [CORRELATION_HEADER]: context.correlationId }
      throw error
    }
  }
}

function addressOf(ctx) {
  return ctx.ip
}
