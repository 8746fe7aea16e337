// node proxies.mjs http-proxy|fast-proxy|fastify UPSTREAM: a reverse proxy as a Node team has one, with the header
// work that `sealtrail serve` does for a request without ids: X-Correlation-ID, X-Request-ID, traceparent and
// X-Forwarded-For. Prints its port. Connections to the service are kept, many of them.
import { randomBytes, randomUUID } from 'node:crypto'
import http from 'node:http'

const [kind, upstream] = process.argv.slice(2)
const made = { 'http-proxy': httpProxy, 'fast-proxy': fastProxy, fastify }[kind]
const server = await made()
await new Promise((resolve) => (server.listening ? resolve() : server.listen(0, '127.0.0.1', resolve)))
console.log(server.address().port)

/** What the service gets; the id goes back to the client too. */
function stamp(headers, peer) {
  const id = headers['x-correlation-id'] ?? headers['x-request-id'] ?? randomUUID()
  headers['x-correlation-id'] = headers['x-request-id'] = id
  headers.traceparent ??= `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`
  headers['x-forwarded-for'] = peer
  return id
}

async function httpProxy() {
  const { default: { createProxyServer } } = await import('http-proxy')
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1024 })
  const proxy = createProxyServer({ target: upstream, agent })
  proxy.on('error', (_, __, res) => res.writeHead?.(502).end())
  return http.createServer((req, res) => {
    res.setHeader('x-correlation-id', stamp(req.headers, req.socket.remoteAddress))
    proxy.web(req, res)
  })
}

async function fastProxy() {
  const { default: create } = await import('fast-proxy')
  const { proxy } = create({ base: upstream, undici: { connections: 1024, pipelining: 1 }, cacheURLs: 100 })
  return http.createServer((req, res) => {
    res.setHeader('x-correlation-id', stamp(req.headers, req.socket.remoteAddress))
    proxy(req, res, req.url, {})
  })
}

async function fastify() {
  const [{ default: create }, { default: proxy }] = await Promise.all([import('fastify'), import('@fastify/http-proxy')])
  const app = create({ logger: false })
  app.addHook('onRequest', (request, reply, done) => {
    reply.header('x-correlation-id', stamp(request.headers, request.ip))
    done()
  })
  app.register(proxy, { upstream, undici: { connections: 1024, pipelining: 1 } })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app.server
}
