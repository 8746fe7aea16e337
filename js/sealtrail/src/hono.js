import { contextOf, CORRELATION_HEADER } from './context.js'

/** Everything that runs below this middleware records under the request's correlation id. */
export function middleware(trail) {
  return async function sealtrail(c, next) {
    const { method, url } = c.req
    const context = contextOf({ source: c, headers: c.req.header(), method, target: new URL(url).pathname, ip: addressOf })
    await trail.run(context, next)
    // Behind the handler, which may have answered with a Response of its own.
    c.header(CORRELATION_HEADER, context.correlationId)
  }
}

function addressOf(c) {
  return c.env?.incoming?.socket?.remoteAddress
}
