import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, beforeEach, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createTrail, loadEngine } from 'sealtrail'
import { guestInstance } from '../../conformance/runner.js'
import { takeKeys, withKeys } from '../src/leased-keys.js'
import { Reveals } from '../src/reveals.js'
import { Sealing } from '../src/sealing.js'
import { toSeal } from '../src/to-seal.js'
import { startCollector } from './collector.js'
import { digest, Lessor, POLICY } from './lessor.js'

const change = '{"id":"c-1","entity":{"type":"customer","id":"3"},"action":"update","before":{"email":"a@example.org","tax":"1","tier":1},"after":{"email":"b@example.org","tax":"2","tier":2},"context":{"correlation_id":"c","time":"2026-11-21T19:45:00Z"}}'
const encoder = new TextEncoder()

describe('keys of an answer', () => {
  const text = Buffer.alloc(32, 5).toString('base64url')

  test('are taken out of it, in their order, and leave no text', () => {
    const answer = Buffer.from(`{"keys":[{"kids":["k","t"],"key":"${text}","commit":"${text}"},{"kids":["\\"key\\":\\"","t"],"key":"${Buffer.alloc(32, 6).toString('base64url')}"}]}`)
    const keys = takeKeys(answer)
    assert.deepEqual(keys, [new Uint8Array(32).fill(5), new Uint8Array(32).fill(6)])
    const { keys: members } = JSON.parse(answer)
    assert.deepEqual(members.map(({ key }) => key.trim()), ['', ''])
    const leased = withKeys(members, keys)
    assert.deepEqual(leased.map(({ kids }) => kids[0]), ['k', '"key":"'])
    assert.deepEqual([leased[0].commit, leased[1].commit], [Buffer.alloc(32, 5), undefined])
  })

  test('every byte of a key comes through', () => {
    for (let byte = 0; byte < 256; byte++) {
      const key = Uint8Array.from({ length: 32 }, (_, i) => byte + 37 * i)
      assert.deepEqual(takeKeys(Buffer.from(`"key":"${Buffer.from(key).toString('base64url')}"`)), [key])
    }
  })

  test('of another form are refused', () => {
    for (const key of ['', text.slice(1), `${text}AA`, `${text.slice(1)}=`, `${text}${text}`]) {
      for (const end of ['"}', '']) assert.throws(() => takeKeys(Buffer.from(`{"key":"${key}${end}`)), { code: 'unexpected_response' }, key)
    }
  })
})

test('with the same randomness, time and keys it is the record that the sidecar makes, byte for byte', async () => {
  const engine = await loadEngine()
  const module = await WebAssembly.compile(await readFile(new URL('../../console/dist/guest.wasm', import.meta.url)))
  const random = (length) => Uint8Array.from({ length }, (_, i) => i)
  const stamp = { origin: 'shop.example/log', id: '019aa6c5-8f00-7000-8000-0000000000ab', recorded_time: '2026-11-21T19:45:00.047Z' }
  const pair = [['k_1', Buffer.alloc(32, 1)], ['t_standard.2026-11', Buffer.alloc(32, 2)]].flatMap(([kid, key]) => [encoder.encode(kid), key])
  const call = (instance, name, ...parts) => {
    const { ok, error } = instance(name, parts.map((part) => (typeof part === 'string' ? encoder.encode(part) : part)))
    assert.equal(error, undefined, name)
    return ok
  }

  // What the sidecar answers to a lease, of its own guest.
  const leased = JSON.parse(call(guestInstance(module), 'lease', stamp.origin, stamp.id, 'seal', 'contact', ...pair, 'pseudonym', 'tax', ...pair))
  const requests = []
  const transport = {
    async ask({ path, body }) {
      requests.push(body)
      const keys = leased.map((key) => ({ kids: ['k_1', 't_standard.2026-11'], ...key }))
      const answers = {
        'v1/policy': POLICY,
        'v1/leases': JSON.stringify({ stamp, policy: digest(POLICY), expires_in_ms: 1000, keys }),
        'v1/records': JSON.stringify({ id: stamp.id, index: 0, status: 'recorded', correlation_id: 'c' }),
      }
      return { status: 200, bytes: Buffer.from(answers[path]) }
    },
  }
  const { perLine } = await new Sealing(transport, engine, { random }).send([{ text: toSeal(change) }], 1000)
  assert.equal(perLine[0].receipt.status, 'recorded')
  const line = requests[2].trimEnd()

  const sidecar = guestInstance(module)
  call(sidecar, 'policy', POLICY)
  const { context } = JSON.parse(call(sidecar, 'read', change))
  const { nonces } = JSON.parse(call(sidecar, 'plan', JSON.stringify(context)))
  const { engine: maker } = JSON.parse(line).data
  assert.equal(call(sidecar, 'seal', JSON.stringify({ ...stamp, engine: maker }), random(12 * nonces), ...pair, ...pair), line)
})

test('the keys of a record are wiped when it is sealed, and those that were leased in vain too', async () => {
  const engine = await loadEngine()
  const used = []
  const spied = {
    sealer(policy) {
      const sealer = engine.sealer(policy)
      const plan = (text) => {
        const planned = sealer.plan(text)
        const seal = (stamp, keys) => (used.push(...keys.map(({ key }) => [key, key.some(Boolean)])), planned.seal(stamp, keys))
        return { ...planned, seal }
      }
      return { sha256: sealer.sha256, plan, end: () => sealer.end() }
    },
  }
  const lessor = new Lessor()
  const answers = []
  const transport = {
    async ask({ path, body }) {
      const bytes = Buffer.from(lessor.answer(body === undefined ? 'GET' : 'POST', `/${path}`, body)[1])
      if (path === 'v1/leases') answers.push(bytes)
      return { status: 200, bytes }
    },
  }
  const sealing = new Sealing(transport, spied)
  await sealing.send([{ text: toSeal(change) }], 1000)
  lessor.policy = POLICY.replace('"version":"1"', '"version":"2"')
  await sealing.send([{ text: toSeal(change.replace('c-1', 'c-2')) }], 1000)
  assert.deepEqual([lessor.records.size, used.length, answers.length], [2, 4, 3])
  assert.ok(used.every(([key, wasThere]) => wasThere && key.every((byte) => byte === 0)))
  for (const answer of answers) assert.doesNotMatch(answer.toString(), /"key":"[^ ]/)
})

describe('leases for reading', () => {
  let collector, trail, engine, line
  before(async () => {
    collector = await startCollector()
    engine = await loadEngine()
    trail = await createTrail({ url: collector.url })
    const { context, ...rest } = JSON.parse(change)
    const { id } = await trail.seal({ ...rest, context: { correlationId: context.correlation_id } })
    line = collector.lessor.records.get(id).line
  })
  beforeEach(() => {
    collector.lessor.reveals = 0
    collector.lessor.lifetime = 30_000
  })
  after(async () => {
    await trail.close()
    await collector.stop()
  })

  const reason = 'ticket 4711'

  /** Reveals that show the keys that they use. */
  function open() {
    const used = []
    const shown = { openLeased: (text, keys) => (used.push(keys.map(({ key }) => key)), engine.openLeased(text, keys)) }
    const reveals = new Reveals({ url: new URL(`${collector.url}/`) }, shown, 1000)
    return { reveals, used, isWiped: () => used.flat().every((key) => key.every((byte) => byte === 0)) }
  }

  test('are used again for the same reason, and for no other', async () => {
    const { reveals, used } = open()
    const values = async (options) => (await reveals.open(line, { group: 'contact', reason, ...options })).values.map(({ value }) => value)
    for (const found of await Promise.all([values(), values(), values()])) assert.deepEqual(found, ['a@example.org', 'b@example.org'])
    await values()
    assert.equal(collector.lessor.reveals, 1)
    await values({ reason: 'ticket 4712' })
    assert.equal(collector.lessor.reveals, 2)
    assert.equal(used[0][0], used[3][0])
    reveals.close()
  })

  test('end at their time, and their keys are wiped', async () => {
    collector.lessor.lifetime = 1500
    const { reveals, isWiped } = open()
    await reveals.open(line, { group: 'contact', reason })
    assert.ok(!isWiped())
    while (!isWiped()) await sleep(20)
    await reveals.open(line, { group: 'contact', reason })
    assert.equal(collector.lessor.reveals, 2)
    reveals.close()
    await sleep(0)
    assert.ok(isWiped())
  })

  test('that are over before they come are not used, and not asked for without end', async () => {
    collector.lessor.lifetime = 0
    const { reveals, used } = open()
    await assert.rejects(reveals.open(line, { group: 'contact', reason }), { code: 'not_leased' })
    assert.deepEqual([collector.lessor.reveals, used.length], [2, 0])
    reveals.close()
  })

  test('are bounded in number', async () => {
    const { reveals, used } = open()
    for (let n = 0; n <= 100; n++) await reveals.open(line, { group: 'contact', reason: `ticket ${n}` })
    await sleep(0)
    assert.ok(used[0].every((key) => key.every((byte) => byte === 0)))
    assert.ok(used[1].every((key) => key.some((byte) => byte !== 0)))
    reveals.close()
  })

  test('what is asked in vain is an error', async () => {
    for (const [record, options, code] of [
      [line, { reason }, 'missing_field'], [line, { group: 'contact' }, 'missing_field'], [line, undefined, 'missing_field'],
      [line, { group: 'contact', reason, form: 1 }, 'invalid_option'], ['{', { group: 'contact', reason }, 'malformed_json'],
      ['{"id":"../x"}', { group: 'contact', reason }, 'invalid_field'], [7, { group: 'contact', reason }, 'missing_field'],
      ['019aa6c5-8f00-7000-8000-0000000000ab', { group: 'contact', reason }, 'not_found'],
    ]) await assert.rejects(trail.reveal(record, options), { code })
  })

  test('numbers come as they were written where the text is asked for', async () => {
    const { id } = await trail.seal({ entity: { type: 'x', id: 1 }, action: 'create', before: null, after: '{"email":12345678901234567890}' })
    const { values } = await trail.reveal(id, { group: 'contact', reason, raw: true })
    assert.match(values, /"value":12345678901234567890\}/)
  })
})
