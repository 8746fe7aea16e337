import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, beforeEach, describe, test } from 'node:test'
import { inspect } from 'node:util'
import { createTrail, SealtrailError } from 'sealtrail'
import { contextOf } from '../src/context.js'
import { refuse, startCollector } from './collector.js'

let collector, trail, failures
before(async () => {
  collector = await startCollector()
  failures = []
  trail = await createTrail({ url: collector.url, service: 'shop', onError: (error) => failures.push(error) })
})
beforeEach(() => {
  collector.requests.length = 0
  collector.changes.length = 0
  failures.length = 0
})
after(async () => {
  await trail.close()
  await collector.stop()
})

const entity = { type: 'customer', id: 3 }

describe('record', () => {
  test('absent, null and unknown are kept apart', async () => {
    await trail.record({ entity, action: 'create', before: null, after: { a: null } })
    await trail.record({ entity, action: 'update', before: undefined, after: {} })
    await trail.record({ entity, action: 'delete', after: null })
    const images = collector.changes.map(({ before: was, after: is }) => [was, is])
    assert.deepEqual(images, [[null, { a: null }], [undefined, {}], [undefined, null]])
    assert.deepEqual(collector.changes[0].entity, { type: 'customer', id: '3' })
  })

  test('numbers of JSON text arrive digit by digit', async () => {
    await trail.record({ entity, action: 'update', before: '{"n":\n12345678901234567890123}', after: Buffer.from('{"n":1.10}') })
    assert.match(collector.requests[0].lines[0], /"before":\{"n": 12345678901234567890123\},"after":\{"n":1\.10\}/)
  })

  test('an image is what it was when it was recorded', async () => {
    const image = { name: 'Ada' }
    const receipt = trail.record({ entity, action: 'create', before: null, after: image })
    image.name = 'Eve'
    await receipt
    assert.equal(collector.changes[0].after.name, 'Ada')
  })

  const bad = [
    [undefined, 'not_a_change'],
    [{ action: 'update' }, 'missing_field', '/entity'],
    [{ entity: { id: 1 }, action: 'update' }, 'missing_field', '/entity/type'],
    [{ entity: { type: 'x' }, action: 'update' }, 'missing_field', '/entity/id'],
    [{ entity: { type: '', id: 1 }, action: 'update' }, 'invalid_field', '/entity/type'],
    [{ entity: { type: 'x', id: 1.5 }, action: 'update' }, 'invalid_field', '/entity/id'],
    [{ entity: { type: 'x', id: {} }, action: 'update' }, 'invalid_field', '/entity/id'],
    [{ entity }, 'missing_field', '/action'],
    [{ entity, action: 'update', befor: {} }, 'invalid_field', '/befor'],
    [{ entity, action: 'update', after: { n: 1n } }, 'unsupported_value', '/after/n'],
    [{ entity, action: 'update', before: '{"n":' }, 'malformed_json', '/before'],
    [{ entity, action: 'update', after: {}, context: { correlationId: 'not one' } }, 'invalid_field', '/context/correlation_id'],
    [{ entity, action: 'update', after: {}, context: { correlation_id: 'c-1' } }, 'invalid_field', '/context/correlation_id'],
    [{ entity, action: 'update', after: {}, context: 'c-1' }, 'invalid_field', '/context'],
    [{ entity, action: 'update', after: {}, context: { request: { user_agent: 'x' } } }, 'invalid_field', '/context/request/user_agent'],
    [{ entity, action: 'update', after: {}, context: { request: '/x' } }, 'invalid_field', '/context/request'],
    [{ entity, action: 'update', after: {}, context: { time: new Date(NaN) } }, 'unsupported_value', '/context/time'],
    [{ entity, action: 'update', after: {}, context: { actor: { id: undefined } } }, 'unsupported_value', '/context/actor/id'],
  ]
  for (const [change, code, pointer] of bad) {
    test(`refused before anything is sent: ${code} ${pointer ?? ''}`, async () => {
      await assert.rejects(trail.record(change), (error) => {
        assert.ok(error instanceof SealtrailError)
        assert.equal(error.code, code)
        assert.equal(error.at?.pointer, pointer)
        return true
      })
      assert.equal(collector.requests.length, 0)
      assert.equal(failures.length, 1)
    })
  }

  const loop = {}
  loop.self = loop
  const uncarried = [
    [undefined, 'unsupported_value'], [() => {}, 'unsupported_value'], [Symbol('s'), 'unsupported_value'], [1n, 'unsupported_value'],
    [new Map(), 'unsupported_value'], [new Set(), 'unsupported_value'], [new Date(NaN), 'unsupported_value'], [new Uint8Array(1), 'unsupported_value'],
    [Object(1n), 'unsupported_value'], [Object(1), 'unsupported_value'], [new Proxy(new Map(), {}), 'unsupported_value'],
    [NaN, 'number_not_finite'], [2 ** 53, 'unsafe_integer'], ['\ud800', 'lone_surrogate'], [loop, 'cycle', '/self'],
  ]
  test('what JSON cannot carry is refused on every way in, with its place', async () => {
    const policy = { id: 'p', version: '1', default: 'keep' }
    for (const [value, code, below = ''] of uncarried) {
      const image = { list: [{ value }] }
      const refused = (side) => ({ code, at: { pointer: `/${side}/list/0/value${below}` } })
      const change = (images) => ({ entity, action: 'update', before: {}, after: {}, ...images })
      await assert.rejects(trail.record(change({ before: image })), refused('before'))
      await assert.rejects(trail.record(change({ after: image })), refused('after'))
      await assert.rejects(trail.seal(change({ after: image })), refused('after'))
      await assert.rejects(trail.wrap(entity, () => image, () => {}), refused('before'))
      assert.throws(() => trail.diff(image, {}), refused('before'))
      assert.throws(() => trail.diff({}, image), refused('after'))
      assert.throws(() => trail.preview(change({ after: image }), { policy }), refused('after'))
    }
    assert.equal(collector.requests.length, 0)
  })

  test('a failure that nobody awaits is told, and does not end the process', async () => {
    trail.record({ entity })
    await new Promise((resume) => setImmediate(resume))
    assert.deepEqual(failures.map(({ code }) => code), ['missing_field'])

    const silent = await createTrail({ url: collector.url })
    const warned = once(process, 'warning')
    silent.record({ entity })
    const [warning] = await warned
    assert.equal(warning.name, 'SealtrailWarning')
    assert.equal(warning.code, 'missing_field')
  })

  test('an `onError` that throws ends neither the process nor the delivery: the failure is a warning then', async () => {
    for (const onError of [() => { throw new Error('canary') }, async () => { throw new Error('canary') }]) {
      const clumsy = await createTrail({ url: collector.url, onError })
      const warned = once(process, 'warning')
      clumsy.record({ entity })
      const [warning] = await warned
      assert.deepEqual([warning.name, warning.code], ['SealtrailWarning', 'missing_field'])
      collector.answers.push(refuse(400, { code: 'unknown_action' }))
      const refused = once(process, 'warning')
      clumsy.record({ entity, action: 'x' })
      assert.equal((await refused)[0].code, 'unknown_action')
      assert.equal((await clumsy.record({ entity, action: 'create', after: {} })).status, 'recorded')
      await clumsy.close()
    }
  })

  test('an actor function that throws is an error of the record, with its cause', async () => {
    const cause = new Error('no session')
    const asked = await createTrail({ url: collector.url, onError() {}, actor() { throw cause } })
    await asked.run({ source: {} }, () => assert.rejects(asked.record({ entity, action: 'update', after: {} }), { code: 'actor_failed', cause }))
  })
})

describe('run', () => {
  test('a job has its own context, a change may say otherwise', async () => {
    const context = { correlationId: 'job-1', actor: { type: 'job', id: 'nightly' }, tenant: 't1', time: new Date(0) }
    await trail.run(context, async (id) => {
      await trail.record({ entity: { type: 'x', id }, action: 'update', after: {} })
      await trail.record({ entity: { type: 'x', id }, action: 'update', after: {}, context: { correlationId: 'other' } })
    }, 9)
    assert.deepEqual(collector.changes[0].context, {
      correlation_id: 'job-1', time: '1970-01-01T00:00:00.000Z', service: 'shop', tenant: 't1', actor: { type: 'job', id: 'nightly' },
    })
    assert.equal(collector.changes[1].context.correlation_id, 'other')
    assert.equal(trail.context, undefined)
  })

  test('what a change says of its request wins over the headers, and is read as carefully', async () => {
    const trace = (flags) => `00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-${flags}`
    const headers = { 'x-request-id': 'c-1', 'x-sealtrail-request': crypto.randomUUID(), traceparent: trace('01'), tracestate: 'a=1' }
    await trail.run(contextOf({ source: {}, headers, method: 'PUT', target: '/', ip() {} }), async () => {
      const record = (context) => trail.record({ entity, action: 'update', after: {}, context })
      await record()
      await record({ correlationId: 'c-2', requestId: 'of "mine"', traceparent: trace('ff'), tracestate: 'b="2' })
      await assert.rejects(record({ traceparent: 'garbled' }), { code: 'invalid_field', at: { pointer: '/context/traceparent' } })
    })
    const said = collector.changes.map(({ context: { correlation_id, traceparent, tracestate, request } }) => [correlation_id, traceparent, tracestate, request.id])
    assert.deepEqual(said, [
      ['c-1', trace('01'), 'a=1', headers['x-sealtrail-request']],
      ['c-2', trace('03'), 'b="2', 'of "mine"'],
    ])
  })

  test('what is undefined in the context of a change says nothing', async () => {
    const known = { correlationId: 'job-1', actor: { type: 'job', id: 'nightly' }, tenant: 't1', time: new Date(0), request: { method: 'PUT' } }
    await trail.run(known, async () => {
      const nothing = Object.fromEntries(Object.keys(known).map((name) => [name, undefined]))
      await trail.record({ entity, action: 'update', after: {} })
      await trail.record({ entity, action: 'update', after: {}, context: nothing })
    })
    assert.equal(collector.changes[0].context.request.method, 'PUT')
    assert.deepEqual(collector.changes[1].context, collector.changes[0].context)
  })

  test('the state of a trace does not go with another trace', async () => {
    const [one, other] = ['01', '02'].map((end) => `00-0af7651916cd43dd8448eb211c80319c-b7ad6b71692033${end}-01`)
    await trail.run({ traceparent: one, tracestate: 'a=1' }, () => trail.record({ entity, action: 'update', after: {}, context: { traceparent: other } }))
    assert.deepEqual([collector.changes[0].context.traceparent, collector.changes[0].context.tracestate], [other, undefined])
  })

  test('a context with a member that nobody reads is refused', () => {
    const run = (context) => () => trail.run(context, () => assert.fail('ran'))
    assert.throws(run({ correlationID: 'c-1' }), { code: 'invalid_field', at: { pointer: '/context/correlationID' } })
    assert.throws(run('c-1'), { code: 'invalid_field', message: '`context` must be an object, got a string' })
  })

  test('the context of a request is there to be read, added to, and used behind it', async () => {
    const user = { type: 'user', id: 'u-1' }
    const asked = await createTrail({ url: collector.url, actor: (source) => source.user })
    const alone = await createTrail({ url: collector.url, behindProxy: false })
    const headers = { 'x-request-id': 'c-1', 'user-agent': 'curl/8' }
    const seen = contextOf({ source: { user }, headers, method: 'PUT', target: '/a?secret=1', ip: () => '::ffff:192.0.2.1' })
    const request = { method: 'PUT', path: '/a', ip: '192.0.2.1', userAgent: 'curl/8' }
    let kept
    await asked.run(seen, () => {
      kept = asked.context
      assert.deepEqual([kept.correlationId, kept.request], ['c-1', request])
      return asked.run({ ...asked.context, tenant: 't1' }, () => asked.record({ entity, action: 'update', after: {} }))
    })
    await asked.record({ entity, action: 'update', after: {}, context: kept })
    await alone.record({ entity, action: 'update', after: {}, context: kept })
    const said = collector.changes.map(({ context: { time, ...rest } }) => rest)
    assert.deepEqual(said, [
      { correlation_id: 'c-1', tenant: 't1', actor: user },
      { correlation_id: 'c-1', actor: user },
      { correlation_id: 'c-1', request: { method: 'PUT', path: '/a', ip: '192.0.2.1', user_agent: 'curl/8' } },
    ])
    for (const trail of [asked, alone]) await trail.close()
  })

  test('two trails do not share a context', async () => {
    const other = await createTrail({ url: collector.url })
    other.run({ correlationId: 'theirs' }, () => assert.equal(trail.context, undefined))
  })
})

describe('wrap', () => {
  test('takes both images, also where the store hands out its own object', async () => {
    const store = new Map([[3, { name: 'Ada', n: 1 }]])
    const load = () => store.get(3)
    const { result, receipt } = await trail.wrap(entity, load, () => ((store.get(3).n = 2), 'done'))
    assert.equal(result, 'done')
    assert.equal(receipt.status, 'recorded')
    await trail.wrap(entity, load, () => store.delete(3))
    await trail.wrap(entity, load, () => store.set(3, {}))
    const taken = collector.changes.map(({ action, before: was, after: is }) => [action, was, is])
    assert.deepEqual(taken, [
      ['update', { name: 'Ada', n: 1 }, { name: 'Ada', n: 2 }],
      ['delete', { name: 'Ada', n: 2 }, null],
      ['create', null, {}],
    ])
  })

  test('a change that throws, or an image before it, records nothing and is nobody\'s failure but the caller\'s', async () => {
    const before = trail.stats()
    let loads = 0
    const load = () => ({ loads: loads++ })
    const thrown = new RangeError('no')
    await assert.rejects(trail.wrap(entity, load, () => { throw thrown }), thrown)
    await assert.rejects(trail.wrap(entity, load, async () => { throw thrown }), thrown)
    assert.equal(loads, 2)
    const never = () => assert.fail('made without its image')
    await assert.rejects(trail.wrap(entity, async () => { throw thrown }, never), thrown)
    await assert.rejects(trail.wrap(entity, () => ({ n: 1n }), never), { code: 'unsupported_value', at: { pointer: '/before/n' } })
    // What was on its way would be there before this.
    await trail.record({ entity, action: 'create', before: null, after: { last: true } })
    assert.deepEqual(collector.changes.map(({ after: is }) => is), [{ last: true }])
    assert.deepEqual({ ...trail.stats(), recorded: before.recorded }, before)
    assert.deepEqual(failures, [])
  })

  test('a change that was made, and has no image after it, is a failure that is told and counted', async () => {
    const { failed } = trail.stats()
    const broken = new Error('the database is gone')
    const once = (first, then) => {
      const images = [first, then]
      return () => images.shift()()
    }
    const lost = trail.wrap(entity, once(() => ({}), () => { throw broken }), () => {})
    await assert.rejects(lost, (error) => error instanceof SealtrailError && error.code === 'image_failed' && error.cause === broken)
    const carried = trail.wrap(entity, once(() => ({}), () => ({ seen: new Set() })), () => {})
    await assert.rejects(carried, { code: 'unsupported_value', at: { pointer: '/after/seen' } })
    assert.deepEqual([failures.map(({ code }) => code), trail.stats().failed - failed], [['image_failed', 'unsupported_value'], 2])
    assert.equal(trail.stats().queued, 0)
  })

  test('who made a change has what it gave, also where its record fails, and nothing that prints the error has it', async () => {
    const entities = { sent: entity, unsent: { type: 'customer' } }
    const canary = { email: 'canary@example.com' }
    collector.answers.push(refuse(403, { code: 'forbidden', detail: 'not yours' }))
    const failing = [
      [entities.sent, () => ({ n: failing.loads++ }), 'forbidden'],
      [entities.unsent, () => ({}), 'missing_field'],
      [entities.sent, () => (failing.isMade ? { n: 1n } : {}), 'unsupported_value'],
      [entities.sent, () => { if (failing.isMade) throw new Error('the database is gone') }, 'image_failed'],
    ]
    failing.loads = 0
    for (const [of, load, code] of failing) {
      failing.isMade = false
      const change = async () => ((failing.isMade = true), canary)
      const error = await trail.wrap(of, load, change).then(assert.fail, (error) => error)
      assert.ok(error instanceof SealtrailError)
      assert.deepEqual([error.code, error.made], [code, { result: canary }])
      assert.equal(error.made.result, canary)
      const printed = [inspect(error, { showHidden: true, depth: null }), JSON.stringify(error), String(error), error.stack]
      const members = []
      for (const name in error) members.push(error[name])
      assert.doesNotMatch(inspect([printed, members, { ...error }, structuredClone(error)], { depth: null }), /canary/)
      // What is told of it, and of other changes perhaps, is another error.
      const told = failures.pop()
      assert.deepEqual([told.code, told.message, told.status, told.made, told === error], [code, error.message, error.status, undefined, false])
    }
    // A change that gave nothing is told from one that was not made.
    const nothing = await trail.wrap(entities.unsent, () => ({}), () => {}).then(assert.fail, (error) => error)
    assert.deepEqual(nothing.made, { result: undefined })
    assert.equal((await trail.wrap(entity, () => ({ n: 1n }), () => {}).then(assert.fail, (error) => error)).made, undefined)
    assert.equal((await trail.record({ entity }).then(assert.fail, (error) => error)).made, undefined)
  })

  test('images that are text or bytes go as they are written', async () => {
    const images = ['{"n":1.10}', Buffer.from('{"n":12345678901234567890123}')]
    await trail.wrap(entity, () => images.shift(), () => {})
    assert.match(collector.requests[0].lines[0], /"before":\{"n":1\.10\},"after":\{"n":12345678901234567890123\}/)
  })
})

describe('createTrail', () => {
  const bad = [
    [undefined, 'url'],
    [{ url: 'nowhere' }, 'url'],
    [{ url: 'ftp://x' }, 'url'],
    [{ url: 'http://x', servise: 'shop' }, 'servise'],
    [{ url: 'http://x', token: 'two words' }, 'token'],
    [{ url: 'http://x', maxQueue: 0 }, 'maxQueue'],
    [{ url: 'http://x', timeoutMs: Infinity }, 'timeoutMs'],
    [{ url: 'http://x', actor: 'me' }, 'actor'],
    [{ url: 'http://x', service: '' }, 'service'],
    [{ url: 'http://x', behindProxy: 'no' }, 'behindProxy'],
    [{ url: 'http://user:word@x' }, 'url'],
    [{ url: 'http://x?token=1' }, 'url'],
  ]
  for (const [options, name] of bad) {
    test(`refuses a wrong option: ${name} ${JSON.stringify(options)}`, async () => {
      await assert.rejects(createTrail(options), (error) => {
        assert.equal(error.code, 'invalid_option')
        assert.ok(error.message.includes(`\`${name}\``))
        return true
      })
    })
  }

  test('keeps a path that the API is mounted under', async () => {
    const mounted = await createTrail({ url: `${collector.url}/audit` })
    await mounted.record({ entity, action: 'update', after: {} })
    assert.equal(collector.requests[0].url, '/audit/v1/changes')
  })
})
