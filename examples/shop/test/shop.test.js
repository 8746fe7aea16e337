import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { createTrail, loadEngine } from 'sealtrail'
import { createApp } from '../app.js'
import { sign } from '../authenticate.js'

const SECRET = 'a secret of the shop, for its tests'
const recorded = []
let full = false

/** In the sidecar's place: the way to the real one is tested where the sidecar is built. */
const collector = createServer(async (request, response) => {
  const body = (await request.toArray()).join('')
  if (full) return response.writeHead(400).end('{"code":"bad_request","detail":"no","status":400}')
  const lines = body.trimEnd().split('\n').map((line) => JSON.parse(line))
  recorded.push(...lines)
  response.end(lines.map(() => '{"status":"recorded","id":"r","index":0}\n').join(''))
})

let trail, server, url
before(async () => {
  collector.listen(0, '127.0.0.1')
  await once(collector, 'listening')
  const sidecar = `http://127.0.0.1:${collector.address().port}`
  trail = await createTrail({ url: sidecar, service: 'shop', onError() {}, actor: ({ user }) => ({ type: 'user', id: user.sub }) })
  server = createApp({ trail, secret: SECRET }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${server.address().port}`
})
after(async () => {
  server.close()
  server.closeAllConnections()
  await trail.close()
  collector.close()
})

const token = sign({ sub: 'u-1' }, SECRET)
async function call(method, path, body, authorization = `Bearer ${token}`) {
  const response = await fetch(url + path, {
    method,
    headers: { authorization, 'content-type': 'application/json', 'x-request-id': `${method}:${path}` },
    body: body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body),
  })
  const text = await response.text()
  return { status: response.status, body: text && JSON.parse(text), id: response.headers.get('x-correlation-id') }
}

test('the life of a customer, each step recorded', async () => {
  assert.equal((await call('POST', '/customers', { name: 'Ada', email: 'ada@example.com' })).status, 201)
  const put = await call('PUT', '/customers/1', { name: 'Ada', email: 'ada@example.org' })
  assert.deepEqual([put.status, put.id, put.body.email], [200, 'PUT:/customers/1', 'ada@example.org'])
  assert.equal((await call('DELETE', '/customers/1')).status, 204)
  assert.equal((await call('GET', '/customers/1')).status, 404)
  const [created, updated, deleted] = recorded
  assert.deepEqual([created.action, created.before, created.after.email], ['create', null, 'ada@example.com'])
  assert.deepEqual([updated.action, updated.before.email, updated.after.email], ['update', 'ada@example.com', 'ada@example.org'])
  assert.deepEqual([deleted.action, deleted.before.email, deleted.after], ['delete', 'ada@example.org', null])
  assert.deepEqual(updated.entity, { type: 'customer', id: '1' })
  assert.equal(updated.context.correlation_id, 'PUT:/customers/1')
  assert.deepEqual(updated.context.actor, { type: 'user', id: 'u-1' })
})

test('a change that cannot be recorded is taken back', async () => {
  await call('POST', '/products', { title: 'Redmi note 9', inventory: 1 })
  full = true
  assert.equal((await call('PUT', '/products/1', { title: 'other' })).status, 503)
  assert.equal((await call('DELETE', '/products/1')).status, 503)
  assert.equal((await call('POST', '/products', { title: 'second' })).status, 503)
  full = false
  assert.deepEqual((await call('GET', '/products')).body, [{ title: 'Redmi note 9', inventory: 1, id: 1 }])
})

test('nobody without a good token, nothing without a good body', async () => {
  const expired = sign({ sub: 'u-1', exp: 1 }, SECRET)
  const forged = sign({ sub: 'u-1' }, 'another secret')
  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${token.split('.')[1]}.`
  for (const authorization of ['', 'Bearer', 'Basic x', `Bearer ${expired}`, `Bearer ${forged}`, `Bearer ${none}`]) {
    assert.equal((await call('GET', '/products', undefined, authorization)).status, 401, authorization)
  }
  for (const body of ['{', '[]', '"x"']) assert.equal((await call('POST', '/products', body)).status, 400)
  assert.equal((await call('PUT', '/products/99', {})).status, 404)
  assert.equal((await call('GET', '/nothing')).status, 404)
})

test('the policy keeps what a product is and seals what a customer is', async () => {
  const policy = await readFile(new URL('../policy.json', import.meta.url))
  const engine = await loadEngine()
  const actions = (type, image) => {
    const { fields } = engine.preview(policy, { entity: { type, id: 1 }, action: 'create', before: null, after: image })
    return Object.fromEntries(fields.filter(({ side }) => side === 'new').map(({ path, action, group }) => [path.slice(1), group ?? action]))
  }
  assert.deepEqual(actions('product', { title: 't', price: 1, inventory: 2, sku: 's' }), { title: 'keep', price: 'keep', inventory: 'keep', sku: 'keep' })
  assert.deepEqual(
    actions('customer', { name: 'n', email: 'e', phone: 'p', address: { city: 'c' }, note: 'x', newsletter: true }),
    { name: 'contact', email: 'contact', phone: 'mask', 'address/city': 'address', note: 'default', newsletter: 'keep' },
  )
})
