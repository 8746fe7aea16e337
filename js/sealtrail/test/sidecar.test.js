import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import express from 'express'
import { createTrail, verifyProof } from 'sealtrail'
import { middleware } from 'sealtrail/express'
import { assertOnce, killedUnderLoad } from './kills.js'
import { freePort } from './port.js'
import { Sidecar, skip } from './sidecar.js'

const TRACE = '0af7651916cd43dd8448eb211c80319c'

describe('against the real sidecar', { skip }, () => {
  let upstream, sidecar, service, trail
  before(async () => {
    upstream = await freePort()
    // The one socket for those who ask, the other for who may write.
    const edit = (text, { port }) =>
      text.replace(/^listen = "(127\.0\.0\.1:\d+)"$/gm, (line, at) => (at.endsWith(`:${port}`) ? `listen = ["${at}", "unix:../api.sock"]` : line))
    sidecar = await Sidecar.init({ upstream, edit })
    await sidecar.start()
    trail = await createTrail({ url: sidecar.api, service: 'shop', onError() {} })
  })
  after(async () => {
    service?.close()
    service?.closeAllConnections()
    await trail?.close()
    await sidecar?.end()
  })

  test('a change through the proxy is joined with the request that the sidecar saw', async () => {
    const app = express()
    app.use(middleware(trail))
    app.put('/customers/:id', async (req, res) => {
      if (req.params.id.startsWith('slow')) await sleep(300)
      res.json(await trail.record({ entity: { type: 'customer', id: req.params.id }, action: 'update', before: { email: 'a@example.com' }, after: { email: 'b@example.com' } }))
    })
    service = app.listen(upstream, '127.0.0.1')
    await once(service, 'listening')
    const claims = Buffer.from(JSON.stringify({ sub: 'u-1', email: 'clerk@example.com' })).toString('base64url')
    const response = await fetch(`${sidecar.proxy}/customers/3?token=x`, {
      method: 'PUT', headers: { 'x-request-id': 'order-77', traceparent: `00-${TRACE}-b7ad6b7169203331-01`, tracestate: 'a=1', 'user-agent': 'curl/8.1.2', authorization: `Bearer eyJhbGciOiJIUzI1NiJ9.${claims}.x` },
    })
    const receipt = await response.json()
    assert.deepEqual([receipt.status, receipt.index, receipt.correlationId], ['recorded', 0, 'order-77'])
    assert.equal(response.headers.get('x-correlation-id'), 'order-77')

    const [line] = await sidecar.lines()
    const record = JSON.parse(line)
    assert.deepEqual([record.id, record.source, record.correlationid, record.subject], [receipt.id, 'shop', 'order-77', 'customer/3'])
    assert.deepEqual([record.data.request.method, record.data.request.path], ['PUT', '/customers/3'])
    assert.equal(record.data.request.user_agent.browser, 'curl')
    assert.equal(record.data.actor.id, 'u-1')
    // The proxy takes part in the trace, with a parent id of its own.
    assert.match(record.traceparent, new RegExp(`^00-${TRACE}-(?!b7ad6b7169203331)[0-9a-f]{16}-01$`))
    assert.equal(record.tracestate, 'a=1')
    assert.match(record.data.changes[0].new, /^st1\.0\./)
    assert.doesNotMatch(line, /example\.com"|127\.0\.0\.1/)
  })

  test('two requests of one trace are not taken for each other', async () => {
    const traceparent = `00-${TRACE}-b7ad6b7169203331-01`
    const bearer = (sub) => `Bearer eyJhbGciOiJIUzI1NiJ9.${Buffer.from(JSON.stringify({ sub })).toString('base64url')}.x`
    const send = (id, sub) => fetch(`${sidecar.proxy}/customers/${id}`, {
      method: 'PUT', headers: { traceparent, authorization: bearer(sub), 'x-sealtrail-request': '01a1ffa9-be2f-73ed-8b10-49bb862aa357' },
    })
    // Mallory's request is the later one when Alice's change is recorded.
    const receipts = await Promise.all([send('slow-4', 'alice'), send('5', 'mallory')].map(async (answer) => (await answer).json()))
    const stored = await sidecar.lines()
    const records = receipts.map(({ index }) => JSON.parse(stored[index]))
    assert.deepEqual(records.map(({ data }) => data.actor.id), ['alice', 'mallory'])
    assert.deepEqual(records.map(({ data }) => data.request.path), ['/customers/slow-4', '/customers/5'])
    assert.equal(records[0].correlationid, records[1].correlationid)
    assert.equal(records[0].data.request.id, undefined)
  })

  test('a stored record verifies in this process, another line does not', async () => {
    const { id, index } = await trail.record({ entity: { type: 'product', id: 1 }, action: 'create', before: null, after: { title: 'x' } })
    const line = (await sidecar.lines())[index]
    let proof
    while (!proof) proof = await sidecar.get(`/v1/records/${id}/proof`).catch(() => sleep(100))
    const proven = await verifyProof(proof, line, sidecar.vkey)
    assert.deepEqual([proven.origin, proven.index], ['shop.example/audit', index])
    await assert.rejects(verifyProof(proof, line.replace('create', 'delete'), sidecar.vkey), { code: 'proof_mismatch' })
  })

  test('a preview has the fields that the record has', async () => {
    const policy = await sidecar.policy()
    const change = { entity: { type: 'customer', id: 9 }, action: 'update', before: { email: 'a@example.com' }, after: { email: 'b@example.com' } }
    const context = {
      correlationId: 'previewed', actor: { type: 'user', id: 'u-1' },
      request: () => ({ method: 'PUT', path: '/customers/9', ip: '203.0.113.7', userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0' }),
    }
    const alone = await createTrail({ url: sidecar.api, service: 'shop', behindProxy: false, policy })
    const { record: previewed, receipt } = await alone.run(context, async () => ({ ...alone.preview(change), receipt: await alone.record(change) }))
    await alone.close()
    const stored = JSON.parse((await sidecar.lines())[receipt.index])
    assert.equal(stored.data.request.user_agent.browser, 'Firefox')
    assert.deepEqual(pointers(previewed.data.request), pointers(stored.data.request))
    assert.deepEqual(previewed.data.changes.map(({ path }) => path), stored.data.changes.map(({ path }) => path))
    assert.deepEqual(previewed.data.request.user_agent, Object.fromEntries(['browser', 'os', 'device'].map((part) => [part, '(read by the sidecar)'])))
  })

  test('a refused change says why, with its code', async () => {
    const bad = trail.record({ entity: { type: 'x', id: 1 }, action: 'archive', after: {} })
    const good = trail.record({ entity: { type: 'x', id: 1 }, action: 'create', before: null, after: {} })
    await assert.rejects(bad, (error) => error.code === 'unknown_action' && error.status === 422)
    assert.equal((await good).status, 'recorded')
    const same = await trail.record({ entity: { type: 'x', id: 1 }, action: 'update', before: { a: 1 }, after: { a: 1 } })
    assert.deepEqual([same.status, same.id], ['unchanged', undefined])
    await assert.rejects(trail.record({ entity: { type: 'x', id: 1 }, action: 'update', before: '{"a":1,"a":2}', after: {} }), { code: 'duplicate_key' })
  })

  const MODES = {
    'drop, the default': () => ({}),
    'block, over the Unix socket': () => ({ onFailure: 'block', url: `unix:${join(sidecar.folder, 'api.sock')}` }),
    // So short a time that every restart is one for the spool.
    spool: () => ({ onFailure: 'spool', timeoutMs: 20, spool: { folder: join(sidecar.folder, 'spool'), key: randomBytes(32) } }),
  }
  for (const [mode, options] of Object.entries(MODES)) {
    test(`killed and started again under load: every awaited record is there once (${mode})`, async () => {
      const told = []
      const writer = await createTrail({ url: sidecar.api, service: 'load', onError: (error) => told.push(error.code), ...options() })
      const type = `load-${mode.split(',')[0]}`
      const receipts = await killedUnderLoad(sidecar, (id) => writer.record({ entity: { type, id }, action: 'create', before: null, after: { id } }))
      while (writer.stats().held > 0) await sleep(5)
      await writer.close()
      assert.deepEqual(told, [])
      assert.ok(receipts.size > 150)
      const statuses = new Set([...receipts.values()].map(({ status }) => status))
      assert.ok(mode === 'spool' ? statuses.has('held') : !statuses.has('held'))
      await assertOnce(sidecar, type, receipts)
    })
  }

  test('the console is served, with the very guest that made the records', async () => {
    const page = await sidecar.get('/console/')
    assert.match(page, /<title>sealtrail console<\/title>/)
    const guest = await (await fetch(`${sidecar.api}/console/guest.wasm`)).arrayBuffer()
    const digest = Buffer.from(await crypto.subtle.digest('SHA-256', guest)).toString('hex')
    assert.equal(JSON.parse((await sidecar.lines())[0]).data.engine.sha256, digest)
  })
})

/** Where there are values, in their order. */
function pointers(value, at = '') {
  return typeof value === 'object' ? Object.keys(value).flatMap((key) => pointers(value[key], `${at}/${key}`)) : [at]
}
