import { contextOf, CORRELATION_HEADER } from './context.js'
import { listenWithin } from './within.js'

/** Everything that runs below this middleware records under the request's correlation id. */
export function middleware(trail) {
  return function sealtrail(req, res, next) {
    const context = contextOf({ source: req, headers: req.headers, method: req.method, target: req.originalUrl, ip: addressOf })
    res.setHeader(CORRELATION_HEADER, context.correlationId)
    listenWithin(trail, context, req, res)
    trail.run(context, next)
  }
}

function addressOf(req) {
  return req.ip
}
