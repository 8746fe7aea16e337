import { contextOf, CORRELATION_HEADER } from './context.js'

/** A request listener whose work records under the request's correlation id. */
export function listener(trail, handle) {
  return function sealtrail(req, res) {
    const { headers, method, url, socket } = req
    const context = contextOf({ source: req, headers, method, target: url, ip: () => socket.remoteAddress })
    res.setHeader(CORRELATION_HEADER, context.correlationId)
    return trail.run(context, handle, req, res)
  }
}
