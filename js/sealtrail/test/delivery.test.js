import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createTrail } from 'sealtrail'
import { Delivery } from '../src/delivery.js'
import { delayOf, retryAfter } from '../src/post.js'
import { refuse, startCollector } from './collector.js'

let collector
beforeEach(async () => {
  await collector?.stop()
  collector = await startCollector()
})
after(() => collector.stop())

const quiet = { onError() {} }
const open = (options = {}) => createTrail({ url: collector.url, service: 'shop', ...quiet, ...options })
const change = (id, more = {}) => ({ entity: { type: 'product', id }, action: 'create', before: null, after: { id }, ...more })

test('a receipt, and what the sidecar got', async () => {
  const trail = await open({ token: 's3cret' })
  const receipt = await trail.record(change(1, { context: { correlationId: 'c-1' } }))
  assert.deepEqual(receipt, { id: 'record-0', index: 0, status: 'recorded', correlationId: 'c-1' })
  const [{ method, url, headers }] = collector.requests
  assert.equal(`${method} ${url}`, 'POST /v1/changes')
  assert.equal(headers['content-type'], 'application/x-ndjson')
  assert.equal(headers.authorization, 'Bearer s3cret')
})

test('what gathers goes together, in order, over kept connections', async () => {
  const trail = await open()
  collector.delayMs = 5
  const count = 2_500
  const receipts = await Promise.all(Array.from({ length: count }, (_, id) => trail.record(change(id))))
  assert.deepEqual(receipts.map(({ index }) => index), Array.from({ length: count }, (_, index) => index))
  assert.deepEqual(collector.changes.map(({ entity }) => entity.id), Array.from({ length: count }, (_, id) => String(id)))
  assert.deepEqual(collector.requests.map(({ lines }) => lines.length), [1000, 1000, 500])
  assert.equal(new Set(collector.requests.map(({ port }) => port)).size, 1)
  assert.deepEqual(trail.stats(), { queued: 0, held: 0, recorded: count, unchanged: 0, failed: 0, dropped: 0, retries: 0 })
})

test('behind a POST of many lines the next one waits a little for more', async () => {
  const trail = await open()
  collector.delayMs = 50
  const first = Promise.all([1, 2, 3, 4].map((id) => trail.record(change(id))))
  await sleep(10)
  const early = trail.record(change(5))
  await first
  await Promise.all([early, trail.record(change(6))])
  assert.deepEqual(collector.requests.map(({ lines }) => lines.length), [4, 2])
})

test('503 is tried again, not before Retry-After', async () => {
  const trail = await open()
  collector.answers.push(refuse(503, { code: 'internal' }, { 'retry-after': '1' }))
  const started = performance.now()
  const receipt = await trail.record(change(1))
  assert.equal(receipt.index, 0)
  assert.ok(performance.now() - started >= 999)
  assert.equal(trail.stats().retries, 1)
})

test('a connection that breaks and a sidecar that is not up yet are tried again', async () => {
  const trail = await open()
  collector.answers.push((response) => response.destroy(), (response) => response.destroy())
  assert.equal((await trail.record(change(1))).index, 0)

  const { port } = collector
  await collector.stop()
  const waiting = trail.record(change(2))
  await new Promise((resume) => setTimeout(resume, 30))
  collector = await startCollector({ port })
  assert.equal((await waiting).status, 'recorded')
  assert.equal(collector.changes[0].entity.id, '2')
})

test('what is sent again after a lost answer says that it is the same change', async () => {
  const trail = await open()
  const lost = []
  collector.answers.push((response, lines) => {
    lost.push(...lines)
    response.destroy()
  })
  await Promise.all([trail.record(change(1)), trail.record(change(2)), trail.record(change(3, { id: 'order-7-paid' }))])
  assert.deepEqual(collector.requests.at(-1).lines, lost)
  const ids = collector.changes.map(({ id }) => id)
  assert.equal(new Set(ids).size, 3)
  assert.match(ids[0], /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  assert.equal(ids[2], 'order-7-paid')
  await assert.rejects(trail.record(change(4, { id: '' })), { code: 'invalid_field' })
})

test('a line with no room is tried again alone', async () => {
  const trail = await open()
  collector.answers.push((response) => {
    const lines = [{ id: 'a', index: 0, status: 'recorded' }, { code: 'internal', status: 503 }]
    response.end(lines.map((line) => JSON.stringify(line)).join('\n'))
  })
  const [first, second] = await Promise.all([trail.record(change(1)), trail.record(change(2))])
  assert.equal(first.id, 'a')
  assert.equal(second.id, 'record-0')
  assert.deepEqual(collector.requests.map(({ lines }) => lines.length), [2, 1])
})

test('a bad line fails alone: told by line, or by the status of all', async () => {
  const trail = await open()
  const problem = { code: 'unknown_action', detail: 'unknown action `x`', status: 400 }
  collector.answers.push((response) => response.end(`${JSON.stringify(problem)}\n${JSON.stringify({ status: 'unchanged' })}\n`))
  const told = await Promise.allSettled([trail.record(change(1, { action: 'x' })), trail.record(change(2))])
  assert.equal(told[0].reason.code, 'unknown_action')
  assert.equal(told[0].reason.message, 'unknown action `x`')
  assert.equal(told[1].value.status, 'unchanged')

  collector.answers.push(refuse(413, { code: 'too_large' }), refuse(413, { code: 'too_large' }))
  const split = await Promise.allSettled([trail.record(change(3)), trail.record(change(4))])
  assert.equal(split[0].reason.code, 'too_large')
  assert.equal(split[0].reason.status, 413)
  assert.equal(split[1].value.status, 'recorded')
})

test('a batch that is refused as a whole is halved until the bad line is alone, in order', async () => {
  const trail = await open()
  const refusing = (response, lines) => {
    collector.answers.push(refusing)
    if (lines.some((line) => JSON.parse(line).entity.id === '5')) refuse(400, { code: 'malformed_json' })(response)
    else collector.accept(response, lines)
  }
  collector.answers.push(refusing)
  const outcomes = await Promise.allSettled(Array.from({ length: 16 }, (_, id) => trail.record(change(id))))
  assert.deepEqual(outcomes.flatMap(({ reason }, id) => (reason ? [`${id} ${reason.code}`] : [])), ['5 malformed_json'])
  assert.deepEqual(collector.changes.map(({ entity }) => Number(entity.id)), [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15])
  // Of 16, then twice of 8, 4, 2 and 1.
  assert.equal(collector.requests.length, 9)
})

test('a refusal is not tried again', async () => {
  const trail = await open()
  for (const [status, problem, code] of [
    [401, { title: 'who are you' }, 'delivery_refused'],
    [500, {}, 'unexpected_response'],
    [400, { code: 'duplicate_key', at: { line: 1, column: 7 } }, 'duplicate_key'],
    [400, { code: 'a_code_of_tomorrow' }, 'unexpected_response'],
  ]) {
    collector.answers.push(refuse(status, problem))
    await assert.rejects(trail.record(change(1)), (error) => {
      assert.equal(error.code, code)
      assert.equal(error.status, status)
      assert.deepEqual(error.at, problem.at)
      return true
    })
  }
  assert.equal(collector.requests.length, 4)
})

test('an answer that is not receipts is an error, never a success', async () => {
  const trail = await open()
  for (const body of ['', 'ok', '{}', '{"id":"a","status":"recorded"}\n{"id":"b","status":"recorded"}']) {
    collector.answers.push((response) => response.end(body))
    await assert.rejects(trail.record(change(1)), { code: 'unexpected_response' })
  }
})

test('the queue is bounded by number and by bytes', async () => {
  const few = await open({ maxQueue: 2 })
  const outcomes = await Promise.allSettled([1, 2, 3].map((id) => few.record(change(id))))
  assert.deepEqual(outcomes.map(({ status, reason }) => reason?.code ?? status), ['fulfilled', 'fulfilled', 'queue_full'])
  const small = await open({ maxQueueBytes: 100 })
  await assert.rejects(small.record(change(1, { after: { text: 'x'.repeat(100) } })), { code: 'queue_full', message: /^the change has \d+ bytes, and `maxQueueBytes` is 100$/ })
})

test('no receipt in time is an error', async () => {
  const trail = await open({ timeoutMs: 500 })
  collector.answers.push(() => {})
  await assert.rejects(trail.record(change(1)), { code: 'delivery_timeout' })
  await collector.stop()
  await assert.rejects(trail.record(change(2)), (error) => {
    assert.equal(error.code, 'delivery_timeout')
    assert.equal(error.cause.code, 'delivery_refused')
    return true
  })
  assert.deepEqual([trail.stats().failed, trail.stats().dropped], [2, 2])
})

test('each change is counted once, whatever becomes of it', async () => {
  const trail = await open({ maxQueue: 3 })
  collector.answers.push((response) => {
    const lines = [{ id: 'a', index: 0, status: 'recorded' }, { status: 'unchanged' }, { code: 'unknown_action', status: 400 }]
    response.end(lines.map((line) => JSON.stringify(line)).join('\n'))
  })
  const settled = Promise.allSettled([change(1), change(2), change(3, { action: 'x' }), change(4), {}].map((given) => trail.record(given)))
  // The fourth had no room, the last one is no change: nobody was asked.
  assert.deepEqual(trail.stats(), { queued: 3, held: 0, recorded: 0, unchanged: 0, failed: 2, dropped: 1, retries: 0 })
  await settled
  await trail.close()
  await assert.rejects(trail.record(change(5)), { code: 'trail_closed' })
  assert.deepEqual(trail.stats(), { queued: 0, held: 0, recorded: 1, unchanged: 1, failed: 4, dropped: 1, retries: 0 })
})

test('an error says who was asked, and why it came to nothing', async () => {
  const trail = await open({ timeoutMs: 1000 })
  collector.answers.push((response) => response.writeHead(404).end('<h1>Not Found</h1>'))
  await assert.rejects(trail.record(change(1)), { code: 'unexpected_response', message: new RegExp(`\\b127\\.0\\.0\\.1:${collector.port}\\b.+404`) })
  collector.delayMs = 3000
  await assert.rejects(trail.record(change(2)), { code: 'delivery_timeout', message: new RegExp(`:${collector.port}\\b`) })
  const away = await open({ url: 'unix:/nowhere/api.sock', timeoutMs: 1000 })
  await assert.rejects(away.record(change(3)), { code: 'delivery_timeout', message: /unix:\/nowhere\/api\.sock.+ENOENT/ })
})

test('an answer without an end is no receipt', async () => {
  const trail = await open()
  collector.answers.push((response) => {
    const more = () => response.destroyed || response.write('x'.repeat(1 << 20), more)
    more()
  })
  assert.equal((await trail.record(change(1))).status, 'recorded')
  assert.equal(trail.stats().retries, 1)
})

test('over a Unix socket', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sealtrail-'))
  const path = join(folder, 'api.sock')
  const other = await startCollector({ path })
  const trail = await createTrail({ url: `unix:${path}`, token: 's3cret' })
  for (const id of [1, 2]) assert.equal((await trail.record(change(id))).status, 'recorded')
  const [{ url, headers }] = other.requests
  assert.deepEqual([url, headers.host, headers.authorization], ['/v1/changes', 'localhost', 'Bearer s3cret'])
  assert.equal(other.connections, 1)
  await trail.close()
  await other.stop()
  await rm(folder, { recursive: true })
})

test('block: tried until it is taken, as long as that takes', async () => {
  const trail = await open({ onFailure: 'block', timeoutMs: 100, maxQueue: 3 })
  collector.answers.push((response) => response.destroy(), refuse(503, {}), ...Array(100).fill(() => {}))
  const { port } = collector
  const waiting = [1, 2, 3].map((id) => trail.record(change(id)))
  await assert.rejects(trail.record(change(4)), { code: 'queue_full' })
  await sleep(300)
  await collector.stop()
  await sleep(300)
  assert.equal(trail.stats().queued, 3)
  collector = await startCollector({ port })
  assert.deepEqual((await Promise.all(waiting)).map(({ status }) => status), ['recorded', 'recorded', 'recorded'])
  assert.deepEqual([trail.stats().failed, trail.stats().dropped], [1, 1])
  await collector.stop()
  const left = trail.record(change(5))
  const closed = trail.close()
  await assert.rejects(left, { code: 'delivery_timeout' })
  await closed
})

const SILENCES = {
  'is away': () => collector.stop(),
  'takes connections and never answers': () => {
    const never = () => void collector.answers.push(never)
    never()
  },
  'has no room': () => {
    const full = (response) => (collector.answers.push(full), refuse(503, { code: 'log_unavailable' }, { 'retry-after': '600' })(response))
    collector.answers.push(full)
  },
}
for (const [silence, fall] of Object.entries(SILENCES)) {
  test(`close ends though the sidecar ${silence}, and every change has an outcome`, { timeout: 60_000 }, async () => {
    await fall()
    const folder = await mkdtemp(join(tmpdir(), 'sealtrail-'))
    const spool = { folder, unencrypted: true }
    const modes = [[{ onFailure: 'drop' }, 'failed'], [{ onFailure: 'block' }, 'failed'], [{ onFailure: 'spool', spool }, 'held']]
    for (const [options, outcome] of modes) {
      const told = []
      const trail = await open({ timeoutMs: 300, onError: ({ code }) => told.push(code), ...options })
      // More than one POST, and nobody awaits them.
      for (let id = 0; id < 1_200; id++) trail.record(change(id))
      await trail.close()
      const none = { queued: 0, held: 0, recorded: 0, unchanged: 0, failed: 0, dropped: 0, retries: trail.stats().retries }
      const lost = outcome === 'failed'
      assert.deepEqual(trail.stats(), { ...none, [outcome]: 1_200, ...(lost && { dropped: 1_200 }) }, options.onFailure)
      assert.deepEqual(told, lost ? Array(1_200).fill('delivery_timeout') : [], options.onFailure)
    }
    assert.equal((await readFile(join(folder, '00000001.ndjson'), 'utf8')).trimEnd().split('\n').length, 1_200)
    await rm(folder, { recursive: true })
  })
}

test('an attempt that begins while it closes has only the time that is left', async () => {
  const asked = []
  const sender = {
    async send(_, timeoutMs) {
      asked.push(timeoutMs)
      if (asked.length === 1) closed = delivery.close()
      return asked.length < 3 ? { retry: true, error: new Error('away') } : { perLine: [{ receipt: { status: 'recorded' } }] }
    },
    close() {},
  }
  const delivery = new Delivery(sender, { timeoutMs: 60_000, maxQueue: 10, maxQueueBytes: 1000, blocks: true })
  let closed
  await delivery.send('{}', '1')
  await closed
  assert.equal(asked[0], 60_000)
  assert.ok(asked[1] < 60_000 && asked[2] <= asked[1], asked.join())
})

test('close waits for what was recorded and takes no more', async () => {
  const trail = await open()
  collector.delayMs = 20
  for (let id = 0; id < 200; id++) trail.record(change(id))
  await trail.close()
  assert.equal(collector.changes.length, 200)
  await assert.rejects(trail.record(change(1)), { code: 'trail_closed' })
})

test('back-off grows, has jitter and a bound, and keeps to what was asked', () => {
  const most = (attempt) => delayOf(attempt, undefined, () => 0.999999)
  assert.deepEqual([0, 1, 2, 5].map(most), [50, 100, 200, 1600])
  assert.equal(most(50), 5000)
  assert.equal(delayOf(9, undefined, () => 0), 10)
  assert.equal(delayOf(0, 2000, () => 0), 2000)
  // A timer of more milliseconds would be over at once, and the next attempt be made at once, for ever.
  assert.equal(delayOf(0, retryAfter('99999999'), () => 0.5), 2 ** 31 - 1)
  assert.equal(retryAfter('3'), 3000)
  assert.equal(retryAfter('Sun, 06 Nov 1994 08:49:37 GMT', Date.UTC(1994, 10, 6, 8, 49, 30)), 7000)
  for (const header of [undefined, '', 'soon', '0']) assert.equal(retryAfter(header), undefined)
})
