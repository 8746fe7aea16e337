import assert from 'node:assert/strict'
import { test } from 'node:test'
import pino from 'pino'
import { SealtrailError } from 'sealtrail'
import { redact } from 'sealtrail/pino'

const POLICY = {
  id: 'shop', version: '1', default: 'seal',
  rules: [
    { select: '$.title', action: 'keep' },
    { select: '$.email', action: 'seal', group: 'contact' },
    { select: '$.customer.name', action: 'seal', group: 'contact' },
    { select: '$.iban', action: 'mask', mask: { first: 2, last: 2 } },
    { select: '$.internal', action: 'drop' },
    { select: '$.plan', action: 'pseudonym', group: 'tier' },
  ],
}

/** A real pino, and the lines that it wrote. */
async function logger(options = {}, policy = POLICY, redactOptions) {
  const lines = []
  const log = pino({ ...options, hooks: { streamWrite: await redact(policy, redactOptions) } }, { write: (line) => lines.push(line) })
  return { log, lines, last: () => JSON.parse(lines.at(-1)) }
}

test('each action, and what pino says itself', async () => {
  const { log, lines, last } = await logger({ name: 'shop' }, POLICY, { keep: ['$.name'] })
  log.info({ title: 't', customer: { name: 'Ada', email: 'a@example.com', title: 'Dr' }, iban: 'DE89370400440532013000', internal: { a: 1 }, plan: 'gold' }, 'saved')
  const { level, time, pid, hostname, ...rest } = last()
  assert.deepEqual([level, typeof time, pid, typeof hostname], [30, 'number', process.pid, 'string'])
  assert.deepEqual(rest, {
    name: 'shop', title: 't', customer: { name: '[sealed contact]', email: '[sealed contact]', title: 'Dr' }, iban: 'DE***00', plan: '[pseudonym tier]', msg: 'saved',
  })
  assert.match(lines[0], /\n$/)
})

test('children, mixins, serializers, errors and nested keys pass by nothing', async () => {
  const { log, lines } = await logger({
    nestedKey: 'payload',
    mixin: () => ({ email: 'canary' }),
    serializers: { card: (card) => ({ number: card }), err: pino.stdSerializers.err },
  })
  const child = log.child({ email: 'canary', customer: { name: 'canary' } })
  child.info({ order: { lines: [{ customer: { name: 'canary' } }] } })
  child.error(new Error('canary is unknown'))
  child.warn({ err: Object.assign(new Error('x'), { email: 'canary' }), card: 'canary' })
  child.setBindings({ email: 'canary' })
  child.info('done')
  assert.equal(lines.length, 4)
  assert.doesNotMatch(lines.join(''), /canary/)
})

test('items that are named by their number, and levels of a log of its own', async () => {
  const policy = { id: 'p', version: '1', default: 'keep', rules: [{ select: '$.names[0]', action: 'seal', group: 'contact' }, { select: '$.lines[-1].note', action: 'drop' }] }
  const { log, lines } = await logger({ customLevels: { audit: 35 }, formatters: { level: (label) => ({ level: label }) }, base: null, timestamp: false }, policy)
  for (const order of [{ names: ['canary', 'second'] }, { order: { names: ['canary'], lines: [{ note: 'a' }, { note: 'canary' }] } }, { names: [['canary', 'canary'], 'x'] }]) log.audit(order, 'said')
  assert.deepEqual(lines.map((line) => JSON.parse(line)), [
    { level: 'audit', names: ['[sealed contact]', 'second'], msg: 'said' },
    { level: 'audit', order: { names: '[sealed contact]', lines: [{ note: 'a' }] }, msg: 'said' },
    { level: 'audit', names: ['[sealed contact]', 'x'], msg: 'said' },
  ])
})

test('a stack is shown where it is asked for', async () => {
  const { log, last } = await logger({}, POLICY, { keep: ['$.err.stack', '$.err.message'] })
  log.error(new TypeError('no such thing'))
  const { err, msg } = last()
  assert.deepEqual([err.type, err.message, msg], ['TypeError', 'no such thing', 'no such thing'])
  assert.match(err.stack, /^TypeError: no such thing\n/)
})

test('the message of an error is the error\'s, whatever a serializer makes of it', async () => {
  const caused = () => new Error('canary is unknown', { cause: new Error('no row') })
  const serializers = {
    'that of pino': undefined,
    'without the message': ({ name, stack }) => ({ type: name, stack }),
    'with another message': ({ name, message }) => ({ type: name, message: `(${message})` }),
    'with a part of it': ({ name, message }) => ({ type: name, message: message.slice(0, 9) }),
    'with a code only': ({ name }) => ({ type: name }),
  }
  for (const [name, err] of Object.entries(serializers)) {
    for (const nestedKey of [undefined, 'payload']) {
      const { log, lines, last } = await logger({ ...(err && { serializers: { err } }), ...(nestedKey && { nestedKey }) })
      log.error(caused())
      log.error({ err: caused() })
      log.child({ order: 7 }).error({ order: 8, err: caused() })
      if (name === 'that of pino') log.error({ err: caused() }, `could not save: ${caused().message}`)
      assert.doesNotMatch(lines.join(''), /canary/, `${name} ${nestedKey}`)
      log.error({ order: 7 }, 'could not save')
      assert.equal(last().msg, 'could not save')
    }
  }
  const { log, last } = await logger()
  for (const given of [{ err: caused() }, { err: 'E_GONE' }, { error: caused() }]) {
    log.error(given, 'could not save')
    assert.equal(last().msg, 'could not save')
  }
})

test('the name of whoever is logged is not taken for that of the logger', async () => {
  const { log, lines } = await logger({}, { id: 'p', version: '1', default: 'seal' })
  log.info({ id: 3, name: 'canary', email: 'canary' }, 'saved')
  log.child({ name: 'canary' }).info('saved')
  assert.doesNotMatch(lines.join(''), /canary/)
})

test('a key that comes twice costs a line its message no more', async () => {
  const { log, last } = await logger()
  log.child({ order: 7 }).info({ order: 8 }, 'saved')
  assert.deepEqual([last().order, last().msg], ['[sealed default]', 'saved'])
})

test('credentials and card numbers, also where a policy keeps everything', async () => {
  const { log, last } = await logger({}, { id: 'p', version: '1', default: 'keep' })
  log.info({ a: { password: 'canary', Authorization: 'canary' }, text: 'paid with 4111 1111 1111 1111' }, 'card 4111111111111111')
  const { a, text, msg } = last()
  assert.deepEqual(a, { password: '***', Authorization: '***' })
  assert.doesNotMatch(text + msg, /4111/)
})

test('lines that the core refuses are put right, or not written', async () => {
  const { log, lines, last } = await logger({}, { id: 'p', version: '1', default: 'keep', rules: [{ select: '$.email', action: 'seal' }] })
  log.child({ a: 1, email: 'canary' }).info({ a: 2, email: 'canary' })
  assert.deepEqual([last().a, last().email], [2, '[sealed default]'])
  for (const half of ['half \ud800', `half \ud800${'.'.repeat(200)}`]) {
    log.info({ text: half, email: 'canary' })
    assert.deepEqual([last().text, last().email], [half.toWellFormed(), '[sealed default]'])
  }
  let deep = { email: 'canary' }
  for (let level = 0; level < 200; level++) deep = [deep]
  const line = await redact({ id: 'p', version: '1', default: 'keep' })
  assert.equal(line(`{"level":40,"time":7,"deep":${JSON.stringify(deep)}}`), '{"level":40,"time":7,"msg":"[line withheld: too_deep]"}\n')
  log.info({ deep }, 'said')
  log.warn({ [`half \ud800${'.'.repeat(200)}`]: 1, email: 'canary' })
  assert.doesNotMatch(lines.join(''), /canary/)
  assert.deepEqual([last().level, last().msg], [40, '[line withheld: lone_surrogate]'])
})

test('a function that is not given JSON withholds it', async () => {
  const line = await redact(POLICY)
  for (const text of ['canary', '{"level":30,"email":"canary"', '']) assert.match(line(text), /^\{"level":\d\d(,"time":\d+)?,"msg":"\[line withheld: malformed_json\]"\}\n$/)
})

test('a policy or a selector that is wrong is refused at once', async () => {
  for (const [policy, options, code] of [
    [{}, {}, 'policy_invalid'], [POLICY, { keep: ['level'] }, 'selector_invalid'], [POLICY, { keep: [7] }, 'policy_invalid'], [POLICY, { kept: [] }, 'invalid_option'],
    [POLICY, { keep: '$.err.stack' }, 'invalid_field'], [POLICY, null, 'invalid_option'],
  ]) {
    await assert.rejects(redact(policy, options), (error) => error instanceof SealtrailError && error.code === code)
  }
})

test('whatever is logged, however it is nested, no protected value is in the line', async () => {
  const { log, lines } = await logger()
  const random = generator(7)
  const pick = (from) => from[Math.floor(random() * from.length)]
  const PROTECTED = ['email', 'iban', 'internal', 'plan', 'password']
  // What a reader of the policy expects: a rule names it, or no rule keeps it.
  const mustNotShow = (path) =>
    path.some((key, at) => PROTECTED.includes(key) || (key === 'customer' && path[at + 1] === 'name')) || !path.includes('title')
  let canaries = 0
  const value = (path) => {
    const kind = random()
    if (path.length < 6 && kind < 0.4) return object(path)
    if (path.length < 6 && kind < 0.55) return Array.from({ length: 3 }, (_, at) => value([...path, at]))
    return mustNotShow(path) ? `canary-${canaries++} "quoted" \u{1f600}\n` : pick([1, true, null, 'plain', '', -0.5])
  }
  const KEYS = [...PROTECTED, 'title', 'title', 'customer', 'name', 'unnamed', 'a b', 'lines']
  const object = (path) => Object.fromEntries(Array.from({ length: 4 }, () => pick(KEYS)).map((key) => [key, value([...path, key])]))
  for (let n = 0; n < 1_000; n++) {
    const from = pick([log, log.child({ email: `canary-${canaries++}` })])
    from[pick(['info', 'error', 'warn'])](object([]), pick(['said', undefined, 'of %s']), 'x')
  }
  assert.ok(canaries > 4_000, String(canaries))
  assert.equal(lines.length, 1_000)
  for (const line of lines) assert.ok(!line.includes('canary'), line)
  const all = lines.join('')
  for (const shown of ['plain', '[sealed contact]', '[sealed default]', '[pseudonym tier]', 'ca***']) assert.ok(all.includes(shown), shown)
})

/** A small generator, so that a failure comes again. */
function generator(seed) {
  return () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return seed / 2 ** 32
  }
}
