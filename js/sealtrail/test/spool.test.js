import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { appendFile, mkdtemp, open as openFile, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { createTrail } from 'sealtrail'
import { refuse, startCollector } from './collector.js'

const KEY = randomBytes(32)
/** For a sidecar that is there, on a machine that has a lot to do; and how long what it does not take waits for the spool. */
const LONG_ENOUGH = 1000
let folder, collector, port, told, trails
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sealtrail-'))
  collector = await startCollector()
  port = collector.port
  told = []
  trails = []
})
afterEach(async () => {
  await collector.stop().catch(() => {})
  for (const trail of trails) await trail.close()
  await rm(folder, { recursive: true })
})

async function open({ spool = {}, ...options } = {}) {
  const trail = await createTrail({
    url: `http://127.0.0.1:${port}`, timeoutMs: LONG_ENOUGH, onFailure: 'spool', spool: { folder, key: KEY, ...spool },
    onError: (error) => told.push(error.code), ...options,
  })
  trails.push(trail)
  return trail
}
const change = (id, more = {}) => ({ entity: { type: 'product', id }, action: 'create', before: null, after: { email: `canary-${id}@example.com` }, ...more })
const record = (trail, ids) => Promise.all(ids.map((id) => trail.record(change(id))))
const ids = () => collector.changes.map(({ entity }) => Number(entity.id))
const up = async () => (collector = await startCollector({ port }))
const until = async (is) => {
  while (!is()) await sleep(5)
}
const range = (from, to) => Array.from({ length: to - from }, (_, n) => from + n)

test('held while the sidecar is away, sent in order when it is back', async () => {
  const trail = await open()
  assert.equal((await record(trail, [0]))[0].status, 'recorded')
  await collector.stop()
  const first = await record(trail, range(1, 200))
  assert.deepEqual(new Set(first.map(({ status }) => status)), new Set(['held']))
  assert.match(first[0].id, /^[0-9a-f-]{36}$/)
  const later = await record(trail, range(200, 400))
  assert.equal(later[0].status, 'held')
  assert.deepEqual([trail.stats().held, trail.stats().queued], [399, 0])
  await up()
  // Behind what is held, as long as anything is.
  const waiting = record(trail, range(400, 450))
  await until(() => trail.stats().held === 0)
  await waiting
  await until(() => ids().length >= 449)
  assert.deepEqual(ids(), range(1, 450))
  await until(() => trail.stats().queued === 0)
  assert.equal((await trail.record(change(450))).status, 'recorded')
  assert.deepEqual(await readdir(folder), ['lock'])
  assert.deepEqual(told, [])
})

test('what a process left behind is sent by the next one, and nothing of it can be read on the disk', async () => {
  const before = await open()
  await collector.stop()
  await record(before, range(0, 50))
  await before.close()
  const [name] = await readdir(folder)
  assert.equal((await stat(join(folder, name))).mode & 0o777, 0o600)
  const text = await readFile(join(folder, name), 'utf8')
  assert.equal(text.trimEnd().split('\n').map((line) => JSON.parse(line)).length, 50)
  assert.doesNotMatch(text + Buffer.from(text, 'base64').toString('latin1'), /canary|product/)
  await assert.rejects(open({ spool: { key: randomBytes(32) } }), { code: 'spool_unreadable' })
  // As after a crash in the middle of a write.
  await appendFile(join(folder, name), '"half a li')

  await up()
  const trail = await open()
  assert.equal(trail.stats().held, 50)
  await record(trail, [50])
  await until(() => trail.stats().held === 0)
  assert.deepEqual(ids(), range(0, 51))
})

test('a process that is killed: what was awaited comes once', async () => {
  await collector.stop()
  const program = `
    import { createTrail } from 'sealtrail'
    const trail = await createTrail({ url: 'http://127.0.0.1:${port}', timeoutMs: 100, onFailure: 'spool', spool: { folder: ${JSON.stringify(folder)}, unencrypted: true } })
    for (let id = 0; ; id++) {
      await trail.record({ entity: { type: 'product', id }, action: 'create', before: null, after: {} })
      process.stdout.write(id + '\\n')
      if (id === 40) process.kill(process.pid, 'SIGKILL')
    }`
  const { stdout, signal } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], { cwd: import.meta.dirname }).catch((error) => error)
  assert.equal(signal, 'SIGKILL')
  const awaited = stdout.trim().split('\n').map(Number)
  assert.deepEqual(awaited, range(0, 41))
  assert.match(await readFile(join(folder, '00000001.ndjson'), 'utf8'), /^\{"id":/)
  await up()
  const trail = await open({ spool: { key: undefined, unencrypted: true } })
  await until(() => trail.stats().held === 0)
  assert.deepEqual(ids(), awaited)
  assert.equal(new Set(collector.changes.map(({ id }) => id)).size, awaited.length)
})

test('held means synced: the file, and first the folder that names it', async () => {
  const opened = await openFile(folder)
  const handle = Object.getPrototypeOf(opened)
  await opened.close()
  const { sync, datasync } = handle
  const done = []
  const slow = (name, call) =>
    async function slowed() {
      await sleep(30)
      await call.call(this)
      done.push(name)
    }
  Object.assign(handle, { sync: slow('folder', sync), datasync: slow('file', datasync) })
  try {
    const trail = await open({ timeoutMs: 50 })
    await collector.stop()
    assert.equal((await trail.record(change(1))).status, 'held')
    assert.deepEqual(done, ['folder', 'file'])
    assert.equal((await trail.record(change(2))).status, 'held')
    assert.deepEqual(done, ['folder', 'file', 'file'])
  } finally {
    Object.assign(handle, { sync, datasync })
  }
})

test('refused by the sidecar: told, set aside, and the rest goes on', async () => {
  const trail = await open()
  await collector.stop()
  await record(trail, [1])
  await record(trail, range(2, 6))
  await up()
  const problem = { code: 'unknown_action', detail: 'no', status: 422 }
  const answer = (response, lines) => {
    const receipts = lines.map((line, n) => (JSON.parse(line).entity.id === '3' ? problem : { status: 'recorded', id: `r-${n}`, index: n }))
    response.end(receipts.map((receipt) => `${JSON.stringify(receipt)}\n`).join(''))
  }
  collector.answers.push(answer, answer)
  await until(() => trail.stats().held === 0)
  assert.deepEqual(told, ['unknown_action'])
  assert.deepEqual([trail.stats().recorded, trail.stats().failed, trail.stats().dropped], [4, 1, 0])
  assert.equal((await readFile(join(folder, 'refused.ndjson'), 'utf8')).trim().split('\n').length, 1)
})

test('a batch that is refused as a whole is sent line by line', async () => {
  const trail = await open()
  await collector.stop()
  await record(trail, range(0, 4))
  await up()
  collector.answers.push(refuse(413, { code: 'too_large' }), refuse(413, { code: 'too_large' }))
  await until(() => trail.stats().held === 0)
  assert.deepEqual([ids(), told], [[1, 2, 3], ['too_large']])
})

test('a token that is refused loses nothing', async () => {
  const trail = await open()
  await collector.stop()
  await record(trail, range(0, 4))
  await up()
  collector.answers.push(refuse(401, {}), refuse(401, {}))
  await until(() => trail.stats().held === 0)
  assert.deepEqual([ids(), told], [range(0, 4), ['delivery_refused']])
})

test('a full spool drops, and says so', async () => {
  const trail = await open({ spool: { maxBytes: 1000 } })
  await collector.stop()
  const outcomes = []
  for (const id of range(0, 8)) outcomes.push(await trail.record(change(id)).then(({ status }) => status, ({ code }) => code))
  assert.deepEqual([outcomes[0], outcomes.at(-1)], ['held', 'spool_full'])
  const { held, dropped, failed } = trail.stats()
  assert.deepEqual([held + dropped, failed, told.length], [8, dropped, dropped])
  await up()
  await until(() => trail.stats().held === 0)
  assert.equal(collector.changes.length, held)
})

test('steady load does not keep it in the spool', async () => {
  const trail = await open()
  await collector.stop()
  await record(trail, [0])
  await up()
  collector.delayMs = 3
  let [stopped, id] = [false, 1]
  const writers = range(0, 50).map(async () => {
    while (!stopped) if ((await trail.record(change(id++))).status === 'recorded') return
  })
  await Promise.race([Promise.all(writers), sleep(60_000, undefined, { ref: false }).then(() => assert.fail('held all the time'))])
  stopped = true
})

test('a queue that fills up goes to the disk before it is full', async () => {
  const trail = await open({ maxQueue: 100, timeoutMs: 5_000 })
  collector.delayMs = 50
  const receipts = await Promise.all(range(0, 80).map((id) => trail.record(change(id))))
  assert.ok(receipts.some(({ status }) => status === 'held'))
  await until(() => trail.stats().held === 0)
  assert.deepEqual(ids(), range(0, 80))
})

test('damage in the middle: told, kept under another name, and the rest goes on', async () => {
  const before = await open()
  await collector.stop()
  await record(before, range(0, 3))
  await before.close()
  const path = join(folder, '00000001.ndjson')
  const lines = (await readFile(path, 'utf8')).split('\n')
  lines[1] = `"${Buffer.alloc(80).toString('base64')}"`
  await writeFile(path, lines.join('\n'))
  await up()
  const trail = await open()
  await until(() => trail.stats().held === 0)
  assert.deepEqual([ids(), told], [[0], ['spool_unreadable']])
  assert.equal(trail.stats().failed, 2)
  assert.ok((await readdir(folder)).some((name) => name.endsWith('.unreadable')))
  assert.equal((await trail.record(change(9))).status, 'recorded')
})

test('one process, one folder', async () => {
  await open()
  await assert.rejects(open(), { code: 'spool_in_use' })
  const other = join(folder, 'other')
  const trail = await open({ spool: { folder: other } })
  assert.equal((await stat(other)).mode & 0o777, 0o700)
  await trail.close()
  await writeFile(join(other, 'lock'), '1')
  await assert.rejects(open({ spool: { folder: other } }), { code: 'spool_in_use' })
  const gone = await promisify(execFile)(process.execPath, ['--print', 'process.pid'])
  await writeFile(join(other, 'lock'), gone.stdout.trim())
  await open({ spool: { folder: other } })
})

test('options that say too little or too much', async () => {
  const fails = (options) => assert.rejects(createTrail({ url: `http://127.0.0.1:${port}`, ...options }), { code: 'invalid_option' })
  await fails({ onFailure: 'ignore' })
  await fails({ spool: { folder, key: KEY } })
  for (const spool of [undefined, {}, { folder }, { key: KEY }, { folder, key: 'x' }, { folder, key: KEY, unencrypted: true }, { folder, key: KEY, max: 1 }]) {
    await fails({ onFailure: 'spool', spool })
  }
  await assert.rejects(open({ spool: { folder: '/dev/null/x' } }), { code: 'spool_failed' })
  for (const url of ['unix:', 'unix', 'ftp://x', 7]) await fails({ url })
})

test('an `onError` that throws does not stop what is sent out of the spool', async () => {
  await collector.stop()
  const away = await open({ timeoutMs: 50 })
  await record(away, [1, 2])
  await away.close()
  collector = await startCollector({ port })
  collector.answers.push((response) => response.end(`${JSON.stringify({ code: 'unknown_action', status: 400 })}\n${JSON.stringify({ id: 'a', index: 0, status: 'recorded' })}\n`))
  const trail = await open({ onError() { throw new Error('clumsy') } })
  assert.equal((await trail.record(change(3))).status, 'recorded')
  assert.deepEqual([trail.stats().failed, trail.stats().recorded, trail.stats().held], [1, 2, 0])
})
