import assert from 'node:assert/strict'
import { readdir, readFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createTrail } from 'sealtrail'
import { BATCH_LINES } from '../src/post.js'
import { startCollector, refuse } from './collector.js'
import { POLICY } from './lessor.js'

/** In the images only: wherever it is found, an image was. */
const CANARY = 'ada.canary@example.org'
const change = (id, more) => ({ entity: { type: 'customer', id }, action: 'create', before: null, after: { email: CANARY, tax: `${CANARY}-17`, tier: 1, ...more } })

let collector, open
const told = []
const trails = []
before(async () => (collector = await startCollector()))
beforeEach(() => {
  told.length = 0
  open = async (options) => {
    const trail = await createTrail({ url: collector.url, service: 'shop', onError: (error) => told.push(error.code), ...options })
    trails.push(trail)
    return trail
  }
})
afterEach(async () => {
  for (const trail of trails.splice(0)) await trail.close()
  await collector.stop()
  const { requests } = collector
  // Of every test, whatever went wrong in it.
  assert.ok(requests.length > 0)
  assert.doesNotMatch(JSON.stringify(requests), /canary/)
  collector = await startCollector()
})
after(() => collector.stop())

const urls = () => collector.requests.map(({ url }) => url)
const sent = () => collector.requests.filter(({ url }) => url === '/v1/records').flatMap(({ lines }) => lines)

test('a change is a record that only leased keys open', async () => {
  const trail = await open()
  const receipt = await trail.run({ correlationId: 'c-1', actor: { type: 'user', id: 'u-1', verified: true } }, () => trail.seal(change(3)))
  assert.deepEqual([receipt.status, receipt.index, receipt.correlationId], ['recorded', 0, 'c-1'])
  assert.deepEqual(urls(), ['/v1/policy', '/v1/leases', '/v1/records'])
  assert.deepEqual(JSON.parse(collector.requests[1].lines[0]).needs.map(({ subject, group, use }) => [subject, group, use]), [
    ['customer/3', 'contact', undefined], ['customer/3', 'tax', 'pseudonym'],
  ])
  const record = JSON.parse(sent()[0])
  assert.deepEqual([record.id, record.source, record.subject, record.authid], [receipt.id, 'shop', 'customer/3', 'u-1'])
  assert.match(record.data.engine.sha256, /^[0-9a-f]{64}$/)
  // It is for the proxy to say.
  assert.equal(record.data.actor.verified, undefined)

  const revealed = await trail.reveal(receipt.id, { group: 'contact', reason: 'ticket 4711' })
  assert.deepEqual(revealed.values, [{ at: '/data/changes/0/new', path: '/email', side: 'new', group: 'contact', value: CANARY }])
  assert.equal(trail.stats().recorded, 1)
})

test('a trail may seal all that it records', async () => {
  const trail = await open({ seal: true })
  const { receipt } = await trail.wrap({ type: 'customer', id: 3 }, () => ({ email: CANARY }), () => {})
  assert.equal(receipt.status, 'unchanged')
  assert.equal((await trail.record(change(3))).status, 'recorded')
  assert.ok(!urls().includes('/v1/changes'))
})

test('both ways in one trail keep their order', async () => {
  const trail = await open()
  const plain = (id) => ({ entity: { type: 'product', id }, action: 'create', before: null, after: {} })
  await Promise.all([trail.record(plain(1)), trail.seal(change(2)), trail.seal(change(3)), trail.record(plain(4))])
  assert.deepEqual(urls(), ['/v1/changes', '/v1/policy', '/v1/leases', '/v1/records', '/v1/changes'])
})

test('the request is told of, behind the proxy too', async () => {
  const trail = await open()
  const request = () => ({ method: 'PUT', path: '/customers/3?token=secret#x', userAgent: 'curl' })
  await trail.run({ request }, () => trail.seal(change(3)))
  const { correlationid, data } = JSON.parse(sent()[0])
  assert.deepEqual(data.request, { method: 'PUT', path: '/customers/3' })
  assert.match(correlationid, /^[0-9a-f-]{36}$/)
})

test('of the user agent a record has what a parser makes of it, and never the header', async () => {
  const parsers = [
    [(header) => ({ browser: header.split('/')[0], os: undefined, version: '8' }), { browser: 'curl' }],
    [() => ({}), undefined],
    [() => null, undefined],
    [() => { throw new Error('what is that?') }, undefined],
  ]
  for (const [userAgent, expected] of parsers) {
    const trail = await open({ userAgent })
    await trail.run({ request: () => ({ path: '/x', userAgent: 'curl/8' }) }, () => trail.seal(change(3)))
    assert.deepEqual(JSON.parse(sent().pop()).data.request, { path: '/x', ...(expected && { user_agent: expected }) })
  }
  const trail = await open()
  await trail.run({ request: { userAgent: { browser: 'Firefox', os: 'Linux' } } }, () => trail.seal(change(3)))
  assert.deepEqual(JSON.parse(sent().pop()).data.request, { user_agent: { browser: 'Firefox', os: 'Linux' } })
})

test('a preview has the request as the record has it', async () => {
  const context = { correlationId: 'c', request: () => ({ method: 'PUT', path: '/x?y', userAgent: 'curl/8' }) }
  for (const userAgent of [undefined, (header) => ({ browser: header.split('/')[0] })]) {
    const trail = await open({ seal: true, userAgent, policy: POLICY })
    const { record } = await trail.run(context, async () => ({ ...trail.preview(change(3)), receipt: await trail.record(change(3)) }))
    const { data } = JSON.parse(sent().pop())
    assert.deepEqual([record.data.request, data.request.method], [data.request, 'PUT'])
  }
})

test('what gathers goes together, and a bad one fails alone', async () => {
  const trail = await open()
  const outcomes = await Promise.allSettled([...Array(300).keys()].map((id) => trail.seal(id === 7 ? { ...change(id), action: 'archive' } : change(id))))
  assert.deepEqual(outcomes.filter(({ reason }) => reason).map(({ reason }) => reason.code), ['unknown_action'])
  assert.deepEqual(told, ['unknown_action'])
  assert.equal(urls().length, 1 + 2 * Math.ceil(300 / BATCH_LINES))
  assert.equal(collector.lessor.records.size, 299)
  assert.equal(collector.lessor.leases.size, 0, 'none was leased in vain')
})

test('what was sealed and had no answer goes again byte for byte', async () => {
  const trail = await open()
  collector.lessor.take = function take(line) {
    delete this.take
    // The record is in the log, and nobody hears of it.
    this.take(line)
    return { code: 'queue_full', status: 503, title: 'full' }
  }
  const receipt = await trail.seal(change(3))
  assert.equal(receipt.status, 'recorded')
  assert.equal(sent().length, 2)
  assert.equal(sent()[0], sent()[1])
})

test('a lease that is over is taken again, and the change is the same one', async () => {
  const trail = await open()
  const { take } = collector.lessor
  for (const trouble of [{ code: 'not_leased', status: 409 }, { code: 'shredded', status: 410 }]) {
    collector.lessor.take = function again() {
      collector.lessor.take = take
      return { title: 'x', ...trouble }
    }
    assert.equal((await trail.seal(change(3))).status, 'recorded')
    const [first, second] = sent().splice(-2).map((line) => JSON.parse(line))
    assert.notEqual(first.id, second.id)
    assert.equal(first.data.change_id, second.data.change_id)
  }
})

test('a lease that never holds is an error at last', async () => {
  const trail = await open()
  collector.lessor.take = () => ({ code: 'not_leased', status: 409, title: 'not leased' })
  await assert.rejects(trail.seal(change(3)), { code: 'not_leased', status: 409 })
  assert.ok(sent().length <= 30, String(sent().length))
})

test('a lease that ends before the answer comes is not used again', async () => {
  collector.lessor.lifetime = 40
  const trail = await open()
  collector.answers.push(...['/v1/policy', '/v1/leases'].map(() => undefined), async (response) => {
    await sleep(60)
    response.destroy()
  })
  assert.equal((await trail.seal(change(3))).status, 'recorded')
  assert.notEqual(sent()[0], sent()[1])
  assert.equal(collector.lessor.records.size, 1)
})

test('a policy that changed is noticed, when it is leased and when it is sent', async () => {
  const trail = await open()
  await trail.seal(change(1))
  collector.lessor.policy = POLICY.replace('"keep"', '"seal"')
  await trail.seal(change(2))
  assert.deepEqual(urls().slice(3), ['/v1/leases', '/v1/policy', '/v1/leases', '/v1/records'])
  assert.equal(collector.lessor.leases.size, 0, 'a shredding would wait for one that nobody uses')
  assert.match(JSON.parse(sent()[1]).data.changes.find(({ path }) => path === '/tier').new, /^st1\./)

  const { take } = collector.lessor
  collector.lessor.take = function change(line) {
    this.policy = POLICY.replace('"version":"1"', '"version":"3"')
    collector.lessor.take = take
    return this.take(line)
  }
  assert.equal((await trail.seal(change(3))).status, 'recorded')
  assert.equal(JSON.parse(sent().at(-1)).data.policy.version, '3')
  // A sidecar whose policy is another one at every turn.
  let version = 4
  collector.lessor.answer = function answer(method, url, body) {
    if (url === '/v1/policy') this.policy = POLICY.replace('"version":"1"', `"version":"${version++}"`)
    const answered = Object.getPrototypeOf(this).answer.call(this, method, url, body)
    this.policy = POLICY
    return answered
  }
  const quick = await open({ timeoutMs: 300 })
  await assert.rejects(quick.seal(change(4)), { code: 'delivery_timeout' })
  assert.equal(collector.lessor.records.size, 3)
})

test('who may not lease is told so, at once', async () => {
  const trail = await open()
  for (const [status, code] of [[403, 'forbidden'], [401, 'invalid_token'], [404, 'not_found']]) {
    collector.answers.push(refuse(status, { code, title: 'no' }))
    await assert.rejects(trail.seal(change(1)), { code, status })
  }
  collector.answers.push(undefined, refuse(403, { code: 'forbidden', title: 'no' }))
  await assert.rejects(trail.seal(change(1)), { code: 'forbidden', status: 403 })
  assert.equal(trail.stats().dropped, 0)
})

test('answers that are no leases are errors', async () => {
  const trail = await open()
  await trail.seal(change(1))
  const [lease] = collector.lessor.records.values()
  const bad = [
    '', '{}\n', 'null\n', '{}\n{}\n', JSON.stringify({ ...lease.lease, keys: [{ kids: ['a', 'b'], key: 'short', commit: '' }] }),
    JSON.stringify({ ...lease.lease, keys: [] }), JSON.stringify({ ...lease.lease, keys: 7 }),
  ]
  for (const body of bad) {
    collector.answers.push((response) => response.end(body))
    await assert.rejects(trail.seal(change(1)), (error) => ['unexpected_response', 'invalid_field', 'missing_field'].includes(error.code), body)
  }
  assert.equal((await trail.seal(change(2))).status, 'recorded')
})

test('a spool keeps it encrypted, and it is sealed when it leaves', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sealtrail-'))
  try {
    const { port } = collector
    const spool = { folder: join(folder, 'spool'), key: Buffer.alloc(32, 7) }
    const options = { url: `http://127.0.0.1:${port}`, onFailure: 'spool', timeoutMs: 1000, spool }
    const trail = await open(options)
    await trail.seal(change(0))
    const { requests } = collector
    await collector.stop()
    const held = await Promise.all([1, 2, 3].map((id) => trail.seal(change(id))))
    assert.deepEqual(held.map(({ status }) => status), ['held', 'held', 'held'])
    for (const file of await readdir(spool.folder)) assert.doesNotMatch(await readFile(join(spool.folder, file), 'latin1'), /canary|seal \{/)
    await trail.close()
    collector = await startCollector({ port })
    collector.requests.push(...requests)
    const later = await open(options)
    while (later.stats().held > 0) await sleep(5)
    assert.equal(collector.lessor.records.size, 3)
    assert.deepEqual(sent().map((line) => JSON.parse(line).subject).sort().slice(1), ['customer/1', 'customer/2', 'customer/3'])
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('nothing is sealed that may wait in clear', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sealtrail-'))
  try {
    const options = { onFailure: 'spool', spool: { folder: join(folder, 'spool'), unencrypted: true } }
    await assert.rejects(open({ ...options, seal: true }), { code: 'invalid_option' })
    const trail = await open(options)
    await assert.rejects(trail.seal(change(1)), { code: 'invalid_option' })
    assert.equal((await trail.record({ entity: { type: 'x', id: 1 }, action: 'create', before: null, after: {} })).status, 'recorded')
  } finally {
    await rm(folder, { recursive: true })
  }
})
