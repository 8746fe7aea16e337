import { contextOf, CORRELATION_HEADER } from './context.js'
import { listenWithin } from './within.js'

/** Everything that runs for a request records under its correlation id. */
export function plugin(fastify, { trail }, done) {
  fastify.addHook('onRequest', (request, reply, next) => {
    const { headers, method, originalUrl } = request
    const context = contextOf({ source: request, headers, method, target: originalUrl, ip: addressOf })
    reply.header(CORRELATION_HEADER, context.correlationId)
    listenWithin(trail, context, request.raw, reply.raw)
    trail.run(context, next)
  })
  done()
}

// The hook is for the application, not for an encapsulated child of it.
plugin[Symbol.for('skip-override')] = true
plugin[Symbol.for('fastify.display-name')] = 'sealtrail'

function addressOf(request) {
  return request.ip
}
