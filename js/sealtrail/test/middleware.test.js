import assert from 'node:assert/strict'
import http from 'node:http'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createTrail } from 'sealtrail'
import { startCollector } from './collector.js'
import { LISTENING, SERVICES } from './services.js'

const REQUESTS = 300
const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PARENT = 'b7ad6b7169203331'

for (const [name, { start, user }] of Object.entries(SERVICES)) {
  describe(name, () => {
    let collector, trail, service, agent
    before(async () => {
      collector = await startCollector()
      trail = await createTrail({
        url: collector.url,
        service: 'shop',
        actor: (source) => user(source) && { type: 'user', id: user(source) },
      })
      service = await start(trail)
      agent = new http.Agent({ keepAlive: true, maxSockets: 16 })
    })
    after(async () => {
      agent.destroy()
      await service.stop()
      await trail.close()
      await collector.stop()
    })

    function put(path, headers, body = '{"a":1}', port = service.port) {
      return new Promise((resolve, reject) => {
        const all = { 'content-type': 'application/json', 'content-length': body.length, ...headers }
        const request = http.request({ port, host: '127.0.0.1', path, method: 'PUT', agent, headers: all }, async (response) => {
          const text = (await response.toArray()).join('')
          resolve({ status: response.statusCode, headers: response.headers, body: text.startsWith('{') ? JSON.parse(text) : text })
        })
        request.on('error', reject)
        // in two pieces, so that bodies of several requests are being read at the same time
        request.write(body.slice(0, 5))
        setTimeout(() => request.end(body.slice(5)), Math.random() * 4)
      })
    }

    test(`${REQUESTS} requests over 16 connections: no change under another request's id, trace or actor`, async () => {
      collector.changes.length = 0
      collector.delayMs = 2
      const ids = Array.from({ length: REQUESTS }, (_, n) => `request-${n}`)
      const traceOf = (id) => `00-${TRACE}-${id.slice(8).padStart(16, '1')}-01`
      const answers = await Promise.all(
        ids.map((id) => put(`/products/${id}`, { 'x-request-id': id, 'x-user': `user-of-${id}`, traceparent: traceOf(id) }, `{"is":"${id}"}`)),
      )
      answers.forEach(({ headers, body }, n) => {
        assert.equal(headers['x-correlation-id'], ids[n])
        assert.deepEqual(body, { seen: ids[n], body: { is: ids[n] } })
      })
      assert.equal(collector.changes.length, 2 * REQUESTS)
      assert.equal(new Set(collector.changes.map(({ entity, after }) => `${entity.id} ${after.n}`)).size, 2 * REQUESTS)
      for (const { entity, context } of collector.changes) {
        assert.equal(context.correlation_id, entity.id)
        assert.equal(context.traceparent, traceOf(entity.id))
        assert.deepEqual(context.actor, { type: 'user', id: `user-of-${entity.id}` })
        assert.equal(context.service, 'shop')
        assert.equal(context.request, undefined)
      }
    })

    test('which request it was comes from the proxy and goes with the change', async () => {
      collector.changes.length = 0
      const id = '01a1ffa9-be2f-73ed-8b10-49bb862aa357'
      await put('/products/1', { 'x-request-id': 'shared', 'x-sealtrail-request': id })
      await put('/products/2', { 'x-request-id': 'shared', 'x-sealtrail-request': 'not one' })
      assert.deepEqual(collector.changes.map(({ context }) => context.request), [{ id }, { id }, undefined, undefined])
    })

    test('the trace goes with the change, and names a request without an id', async () => {
      collector.changes.length = 0
      const answer = await put('/products/1', { traceparent: `00-${TRACE}-${PARENT}-09`, tracestate: 'a=1, b=2' })
      assert.equal(answer.headers['x-correlation-id'], TRACE)
      const [{ context }] = collector.changes
      assert.deepEqual([context.traceparent, context.tracestate], [`00-${TRACE}-${PARENT}-01`, 'a=1,b=2'])
      await put('/products/2', { traceparent: 'garbled', tracestate: 'a=1' })
      const [, , { context: without }] = collector.changes
      assert.deepEqual([without.traceparent, without.tracestate], [undefined, undefined])
    })

    test('a bad id is replaced, a missing one made', async () => {
      for (const headers of [{ 'x-request-id': 'not one' }, {}]) {
        const answer = await put('/products/1', headers)
        assert.match(answer.body.seen, /^[0-9a-f-]{36}$/)
        assert.equal(answer.headers['x-correlation-id'], answer.body.seen)
      }
    })

    test('an answer does not wait for a record that nobody awaits', { timeout: 120_000 }, async () => {
      collector.changes.length = 0
      const held = new Promise((resolve) => collector.answers.push((...asked) => resolve(asked)))
      assert.equal((await put('/products/unawaited', { 'x-request-id': 'quick' })).body.seen, 'quick')
      assert.equal(collector.changes.length, 0)
      collector.accept(...(await held))
      assert.deepEqual(collector.changes.map(({ context }) => context.correlation_id), ['quick'])
      while (trail.stats().queued > 0) await sleep(1)
    })

    test('an error is answered with the id too', async () => {
      const { status, headers } = await put('/products/throws', { 'x-request-id': 'failing' })
      assert.deepEqual([status, headers['x-correlation-id']], [500, 'failing'])
    })

    test('without the proxy in front the change says what the service saw', async () => {
      collector.changes.length = 0
      const alone = await createTrail({ url: collector.url, behindProxy: false })
      const other = await start(alone)
      await put('/products/7?secret=1', { 'user-agent': 'curl/8', 'x-sealtrail-request': crypto.randomUUID() }, '{"a":1}', other.port)
      const seen = { method: 'PUT', path: '/products/7', ip: '127.0.0.1', user_agent: 'curl/8' }
      assert.deepEqual(collector.changes[0].context.request, seen)
      agent.destroy()
      await other.stop()
      await alone.close()
    })
  })
}

test('a nest application that ends closes the trail', async () => {
  const collector = await startCollector()
  const trail = await createTrail({ url: collector.url, onError() {} })
  const service = await SERVICES['nest on express'].start(trail)
  await service.stop()
  await assert.rejects(trail.record({ entity: { type: 'x', id: 1 }, action: 'create', after: {} }), { code: 'trail_closed' })
  await collector.stop()
})

for (const [name, start] of Object.entries(LISTENING)) {
  test(`${name}: what listens to a request or its response is in its context`, async () => {
    const collector = await startCollector()
    const trail = await createTrail({ url: collector.url })
    const seen = []
    const server = await start(trail, (req, res) => {
      const see = (event) => () => void seen.push(`${event} ${req.headers['x-request-id']} ${trail.context?.correlationId}`)
      for (const event of ['data', 'end', 'close']) req.on(event, see(event))
      for (const event of ['finish', 'close']) res.once(event, see(`response ${event}`))
      req.on('end', async () => {
        await trail.record({ entity: { type: 'upload', id: req.headers['x-request-id'] }, action: 'create', before: null, after: {} })
        res.end('done')
      })
    })
    const agent = new http.Agent({ keepAlive: true, maxSockets: 4 })
    const put = (id) => new Promise((resolve, reject) => {
      const request = http.request({ port: server.port, host: '127.0.0.1', method: 'PUT', agent, headers: { 'x-request-id': id } }, (response) => response.resume().on('end', resolve))
      request.on('error', reject)
      request.write('one piece')
      setTimeout(() => request.end('and another'), Math.random() * 4)
    })
    const ids = Array.from({ length: 40 }, (_, n) => `upload-${n}`)
    await Promise.all(ids.map(put))
    agent.destroy()
    await server.stop()
    await trail.close()
    await collector.stop()
    assert.deepEqual(seen.filter((line) => !/ (\S+) \1$/.test(line)), [])
    assert.ok(['data', 'end', 'close', 'response finish', 'response close'].every((event) => seen.some((line) => line.startsWith(`${event} upload-`))), seen.slice(0, 9).join())
    assert.deepEqual(collector.changes.map(({ entity, context }) => [entity.id, context.correlation_id].join()).sort(), ids.map((id) => `${id},${id}`).sort())
  })
}
