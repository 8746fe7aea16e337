import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { createTrail } from 'sealtrail'
import { assertOnce, killedUnderLoad } from './kills.js'
import { POLICY } from './lessor.js'
import { Sidecar, skip } from './sidecar.js'

const CANARY = 'ada.canary@example.org'
const change = (id, type = 'customer') => ({ entity: { type, id }, action: 'create', before: null, after: { email: CANARY, tax: `${CANARY}-17`, tier: 1 } })

describe('sealing here, against the real sidecar', { skip }, () => {
  let sidecar, wire, sealer, support
  const trails = []
  before(async () => {
    const edit = (text) => `${text.replace('[access]\n', '[access]\ntokens = "tokens.toml"\n')}\n[leases]\nlifetime = "1s"\n`
    sidecar = await Sidecar.init({ policy: POLICY, edit })
    sealer = await sidecar.token('shop', '--role', 'sealer')
    support = await sidecar.token('support', '--role', 'revealer', '--group', 'contact', '--role', 'reader')
    await sidecar.start()
    wire = await startWire(sidecar.port)
  })
  after(async () => {
    for (const trail of trails) await trail.close()
    await wire?.stop()
    await sidecar?.end()
  })

  /** By way of what records all that goes over the wire. */
  async function open(token, options) {
    const trail = await createTrail({ url: wire.url, service: 'shop', token, onError() {}, ...options })
    trails.push(trail)
    return trail
  }

  test('no image is on the wire, on the disk or in the log, and whoever may opens it', async () => {
    const trail = await open(sealer, { seal: true, onFailure: 'spool', timeoutMs: 60_000, spool: { folder: join(sidecar.folder, 'spool'), key: randomBytes(32) } })
    const receipts = await Promise.all([...Array(50).keys()].map((id) => trail.record(change(id))))
    const images = [CANARY, `new-${CANARY}`].map((email) => ({ email }))
    const { receipt } = await trail.wrap({ type: 'customer', id: 3 }, () => images.shift(), () => {})
    assert.ok(receipts.every(({ status }) => status === 'recorded'))
    assert.ok(wire.bytes() > 20_000)
    assert.ok(!wire.has('canary') && wire.has('st1.0.') && wire.has('"needs"'))
    for (const name of await readdir(sidecar.folder, { recursive: true, withFileTypes: true })) {
      if (name.isFile()) assert.doesNotMatch(await readFile(join(name.parentPath ?? name.path, name.name), 'latin1'), /canary/, name.name)
    }

    const reader = await open(support)
    const why = { group: 'contact', reason: 'ticket 4711' }
    const [value] = (await reader.reveal(receipts[7].id, why)).values
    assert.deepEqual([value.value, value.path, value.side], [CANARY, '/email', 'new'])
    const line = (await sidecar.lines())[receipt.index]
    const { values, reveal, revealIndex } = await reader.reveal(line, why)
    assert.deepEqual(values.map(({ value }) => value), [CANARY, `new-${CANARY}`])
    assert.equal(JSON.parse((await sidecar.lines())[revealIndex]).id, reveal)
    await assert.rejects(reader.reveal(line, { ...why, group: 'tax' }), { code: 'forbidden', status: 403 })
    await assert.rejects(trail.reveal(line, why), { code: 'forbidden', status: 403 })
  })

  test('it is the record that the sidecar makes of the same change', async () => {
    const context = { correlationId: 'same', time: '2026-11-21T19:45:00Z', actor: { type: 'user', id: 'u-1' }, request: { method: 'PUT', path: '/customers/3' } }
    const given = { ...change('same'), id: 'same-here', context }
    const here = await (await open(sealer)).seal(given)
    // Over loopback without a token one is a writer.
    const there = await (await open(undefined, { url: sidecar.api })).record({ ...given, id: 'same-there' })
    const stored = await sidecar.lines()
    const [mine, its] = [here, there].map(({ index }) => JSON.parse(stored[index]))
    assert.match(mine.data.changes[0].new, /^st1\./)
    assert.equal(mine.data.changes[1].new, its.data.changes[1].new, 'the same pseudonym')
    for (const record of [mine, its]) {
      for (const name of ['id', 'recordedtime']) delete record[name]
      for (const name of ['engine', 'change_id']) delete record.data[name]
      delete record.data.seals[0].commit
      record.data.changes[0].new = record.data.changes[0].new.length
    }
    assert.equal(JSON.stringify(mine), JSON.stringify(its), 'the order of members too')
  })

  test('who may not seal is told so', async () => {
    const trail = await open(support)
    await assert.rejects(trail.seal(change(1)), { code: 'forbidden', status: 403 })
    await assert.rejects((await open('st_wrong')).seal(change(1)), { status: 401 })
  })

  test('what is shredded opens nowhere from the answer on, and who comes again has another key', async () => {
    const trail = await open(sealer)
    const reader = await open(support)
    const { id, index } = await trail.seal(change('gone'))
    const why = { group: 'contact', reason: 'ticket 1' }
    const line = (await sidecar.lines())[index]
    assert.equal((await reader.reveal(line, why)).values[0].value, CANARY)
    // While it waits for the lease that was just given, the same reveal opens.
    const shredding = sidecar.post('/v1/subjects/customer%2Fgone/shred', { reason: 'erasure request 17' })
    const { kids } = await shredding
    await assert.rejects(reader.reveal(line, why), { code: 'shredded', status: 410 })
    await assert.rejects(reader.reveal(id, why), { code: 'shredded' })
    const again = await trail.seal(change('gone'))
    assert.equal(again.status, 'recorded')
    const { data } = JSON.parse((await sidecar.lines())[again.index])
    assert.ok(!kids.includes(data.seals[0].kids[0]))
  })

  test('a policy that changed is noticed', async () => {
    const trail = await open(sealer)
    await trail.seal(change('before'))
    await sidecar.setPolicy(POLICY.replace('"version":"1"', '"version":"2"').replace('"keep"', '"seal"'))
    sidecar.reload()
    while (!(await sidecar.get('/v1/policy')).includes('"version":"2"')) await sleep(10)
    const { index } = await trail.seal(change('after'))
    const { data } = JSON.parse((await sidecar.lines())[index])
    assert.equal(data.policy.version, '2')
    assert.ok(data.changes.every(({ new: value }) => /^st1\.|^ps1\.|^p/.test(value)), JSON.stringify(data.changes))
  })

  const MODES = { block: () => ({}), spool: () => ({ timeoutMs: 200, spool: { folder: join(sidecar.folder, 'load'), key: randomBytes(32) } }) }
  for (const [onFailure, options] of Object.entries(MODES)) {
    test(`killed and started again under load: every awaited record is there once (${onFailure})`, async () => {
      const trail = await open(sealer, { onFailure, ...options() })
      const type = `load-${onFailure}`
      const receipts = await killedUnderLoad(sidecar, (id) => trail.seal(change(id, type)))
      while (trail.stats().held > 0) await sleep(5)
      await trail.close()
      assert.deepEqual([trail.stats().failed, trail.stats().recorded], [0, receipts.size])
      await assertOnce(sidecar, type, receipts)
      assert.ok(!wire.has('canary'))
    })
  }
})

/** A way to a port that keeps what goes over it. */
async function startWire(port) {
  const seen = []
  const sockets = new Set()
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    for (const [from, to] of [[client, upstream], [upstream, client]]) {
      sockets.add(from)
      from.on('data', (chunk) => {
        seen.push(chunk)
        to.write(chunk)
      })
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy())
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    bytes: () => seen.reduce((sum, { length }) => sum + length, 0),
    has: (text) => Buffer.concat(seen).includes(text),
    stop: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((done) => server.close(done))
    },
  }
}
