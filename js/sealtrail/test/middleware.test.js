import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { after, before, describe, test } from 'node:test'
import express from 'express'
import fastify from 'fastify'
import { createTrail } from 'sealtrail'
import { middleware } from 'sealtrail/express'
import { plugin } from 'sealtrail/fastify'
import { startCollector } from './collector.js'

const REQUESTS = 300

/** One handler for both frameworks: it loses itself in timers, streams and promises before it records. */
async function update(trail, id) {
  await sleep(Math.random() * 8)
  await new Promise((resume) => setImmediate(resume))
  await nested(trail, id)
}

async function nested(trail, id) {
  await Promise.all([sleep(Math.random() * 4), null])
  return trail.record({ entity: { type: 'product', id }, action: 'update', before: { n: 0 }, after: { n: 1 } })
}

async function startExpress(trail) {
  const app = express()
  app.use(middleware(trail), express.json())
  app.use((req, _res, next) => setTimeout(next, Math.random() * 4, (req.user = req.headers['x-user']) && undefined))
  app.put('/products/:id', async (req, res) => {
    await update(trail, req.params.id)
    res.json({ seen: trail.context.correlationId, body: req.body })
  })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: server.address().port, stop: () => new Promise((done) => server.close(done)) }
}

async function startFastify(trail) {
  const app = fastify()
  await app.register(plugin, { trail })
  app.addHook('preHandler', async (request) => {
    await sleep(Math.random() * 4)
    request.user = request.headers['x-user']
  })
  app.put('/products/:id', async (request) => {
    await update(trail, request.params.id)
    return { seen: trail.context.correlationId, body: request.body }
  })
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { port: app.server.address().port, stop: () => app.close() }
}

for (const [name, start] of [['express', startExpress], ['fastify', startFastify]]) {
  describe(name, () => {
    let collector, trail, service, agent
    before(async () => {
      collector = await startCollector()
      trail = await createTrail({ url: collector.url, service: 'shop', actor: ({ user }) => user && { type: 'user', id: user } })
      service = await start(trail)
      agent = new http.Agent({ keepAlive: true, maxSockets: 16 })
    })
    after(async () => {
      agent.destroy()
      await service.stop()
      await trail.close()
      await collector.stop()
    })

    function put(path, headers, body) {
      return new Promise((resolve, reject) => {
        const request = http.request({ port: service.port, host: '127.0.0.1', path, method: 'PUT', agent, headers }, async (response) => {
          const text = (await response.toArray()).join('')
          resolve({ headers: response.headers, body: JSON.parse(text) })
        })
        request.on('error', reject)
        // in two pieces, so that bodies of several requests are being read at the same time
        request.write(body.slice(0, 5))
        setTimeout(() => request.end(body.slice(5)), Math.random() * 4)
      })
    }

    test(`${REQUESTS} requests over 16 connections: no change under another request's id or actor`, async () => {
      collector.changes.length = 0
      collector.delayMs = 2
      const ids = Array.from({ length: REQUESTS }, (_, n) => `request-${n}`)
      const answers = await Promise.all(
        ids.map((id) => put(`/products/${id}`, { 'x-request-id': id, 'x-user': `user-of-${id}`, 'content-type': 'application/json' }, `{"is":"${id}"}`)),
      )
      answers.forEach(({ headers, body }, n) => {
        assert.equal(headers['x-correlation-id'], ids[n])
        assert.deepEqual(body, { seen: ids[n], body: { is: ids[n] } })
      })
      assert.equal(collector.changes.length, REQUESTS)
      for (const { entity, context } of collector.changes) {
        assert.equal(context.correlation_id, entity.id)
        assert.deepEqual(context.actor, { type: 'user', id: `user-of-${entity.id}` })
        assert.equal(context.service, 'shop')
        assert.equal(context.request, undefined)
      }
    })

    test('which request it was comes from the proxy and goes with the change', async () => {
      collector.changes.length = 0
      const id = '01a1ffa9-be2f-73ed-8b10-49bb862aa357'
      const headers = { 'x-request-id': 'shared', 'content-type': 'application/json' }
      await put('/products/1', { ...headers, 'x-sealtrail-request': id }, '{"a":1}')
      await put('/products/2', { ...headers, 'x-sealtrail-request': 'not one' }, '{"a":1}')
      assert.deepEqual(collector.changes.map(({ context }) => context.request), [{ id }, undefined])
    })

    test('a bad id is replaced, a missing one made', async () => {
      for (const headers of [{ 'x-request-id': 'not one' }, {}]) {
        const answer = await put('/products/1', { ...headers, 'content-type': 'application/json' }, '{"a":1}')
        assert.match(answer.body.seen, /^[0-9a-f-]{36}$/)
        assert.equal(answer.headers['x-correlation-id'], answer.body.seen)
      }
    })
  })
}

test('without the proxy in front the change says what the service saw', async () => {
  const collector = await startCollector()
  const trail = await createTrail({ url: collector.url, behindProxy: false })
  const service = await startExpress(trail)
  const response = await fetch(`http://127.0.0.1:${service.port}/products/7?secret=1`, { method: 'PUT', headers: { 'user-agent': 'curl/8', 'x-sealtrail-request': crypto.randomUUID() } })
  await response.arrayBuffer()
  assert.deepEqual(collector.changes[0].context.request, { method: 'PUT', path: '/products/7', ip: '127.0.0.1', user_agent: 'curl/8' })
  await trail.close()
  await service.stop()
  await collector.stop()
})
