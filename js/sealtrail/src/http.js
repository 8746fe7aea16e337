import { contextOf, CORRELATION_HEADER } from './context.js'
import { listenWithin } from './within.js'

/** A request listener whose work records under the request's correlation id. */
export function listener(trail, handle) {
  return function sealtrail(req, res) {
    const { headers, method, url } = req
    const context = contextOf({ source: req, headers, method, target: url, ip: addressOf })
    res.setHeader(CORRELATION_HEADER, context.correlationId)
    listenWithin(trail, context, req, res)
    return trail.run(context, handle, req, res)
  }
}

function addressOf({ socket }) {
  return socket.remoteAddress
}
