import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { inBrowser } from './browser.js'

// Set by `cargo xtask test`.
const SEALTRAIL = process.env.SEALTRAIL_BIN
const skip = SEALTRAIL ? false : 'SEALTRAIL_BIN is not set'

describe('served by the real sidecar', { skip }, () => {
  const here = inBrowser()
  let folder, sidecar, api, vkey
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sealtrail-'))
    const { stdout } = await promisify(execFile)(SEALTRAIL, [
      'init', join(folder, 'trail'), '--json', '--origin', 'shop.example/audit', '--upstream', 'http://127.0.0.1:1', '--api-listen', '127.0.0.1:0',
      '--proxy-listen', '127.0.0.1:0',
    ])
    vkey = JSON.parse(stdout).vkey
    sidecar = spawn(SEALTRAIL, ['serve', '--config', join(folder, 'trail/sealtrail.toml')], { stdio: ['ignore', 'pipe', 'ignore'] })
    for await (const line of createInterface({ input: sidecar.stdout })) {
      api = /^api listening on (127\.0\.0\.1:\d+)/.exec(line)?.[1]
      if (api) break
    }
    sidecar.stdout.resume()
  })
  after(async () => {
    sidecar?.kill('SIGTERM')
    if (sidecar && sidecar.exitCode === null) await once(sidecar, 'exit')
    await rm(folder, { recursive: true, force: true })
  })

  const get = async (path) => {
    const response = await fetch(`http://${api}${path}`)
    return response.ok ? response.text() : Promise.reject(new Error(`${path}: ${response.status} ${await response.text()}`))
  }

  /** Sends a change; gives its record, and the proof once a checkpoint covers it. */
  async function recorded() {
    const change = { entity: { type: 'customer', id: '3' }, action: 'update', before: { email: 'a@example.com' }, after: { email: 'b@example.com' }, context: { correlation_id: 'page-1' } }
    const response = await fetch(`http://${api}/v1/changes`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(change) })
    assert.equal(response.status, 200)
    const { id } = await response.json()
    const line = await get(`/v1/records/${id}`)
    for (let tries = 0; ; tries++) {
      const proof = await get(`/v1/records/${id}/proof`).catch((error) => error)
      if (typeof proof === 'string') return { line, proof }
      if (tries > 100) throw proof
      await sleep(50)
    }
  }

  test('the digest on the page is that of the engine that made the records', async () => {
    const { line } = await recorded()
    await here.open(`http://${api}/console/`)
    assert.equal(await here.page.textContent('#digest'), JSON.parse(line).data.engine.sha256)
  })

  test('its records are verified with its proofs', async () => {
    const { line, proof } = await recorded()
    await here.open(`http://${api}/console/#verify`)
    for (const [id, text] of Object.entries({ line, proof, vkey })) await here.page.fill(`#${id}`, text)
    await here.page.waitForSelector('h2.passed')
    assert.match(await here.page.textContent('.facts'), /Whatupdate.*customer\/3.*page-1/)
  })

  test('a bundle that it exports is verified', async () => {
    await recorded()
    await recorded()
    const response = await fetch(`http://${api}/v1/export?format=bundle`)
    assert.equal(response.status, 200)
    await here.open(`http://${api}/console/#verify`)
    await here.page.waitForSelector('#line')
    await here.drop('#line', [{ name: 'bundle.tar', text: await response.text() }, { name: 'log.vkey', text: vkey }])
    await here.page.waitForSelector('#verdict h2.passed')
    assert.match(await here.page.textContent('#verdict'), /All \d+ lines are in the log of shop\.example\/audit, byte for byte/)
  })

  test('a bundle under a checkpoint that a witness cosigned is verified by a witness policy', async () => {
    await recorded()
    const at = (name) => join(folder, name)
    const run = async (...words) => (await promisify(execFile)(SEALTRAIL, words)).stdout
    const witness = JSON.parse(await run('witness', 'init', at('witness'), '--name', 'auditor.example/w1', '--json'))
    await run('witness', 'cosign', '--state', at('witness'), '--vkey', vkey, `http://${api}`, '--out', at('cosigned'))
    await run('export', '--config', at('trail/sealtrail.toml'), '--format', 'bundle', '--checkpoint', at('cosigned'), '--out', at('bundle'))
    const policy = `log ${vkey}\nwitness auditor ${witness.vkey}\nquorum auditor\n`
    await here.open(`http://${api}/console/#verify`)
    await here.page.waitForSelector('#line')
    await here.page.fill('#witnessPolicy', policy)
    await here.page.fill('#vkey', vkey)
    await here.page.setInputFiles('input[aria-label="Open a folder of a bundle"]', at('bundle'))
    await here.page.waitForSelector('#verdict:has(h2.passed) >> text=The checkpoint is cosigned by auditor (20')
    // What the command says of the same bundle and policy.
    await writeFile(at('policy'), policy)
    assert.match(await run('verify-proof', at('bundle'), '--policy', at('policy')), /^intact: /)
  })

  test('it comes compressed, under the policy of the header too, and only once', async () => {
    const sent = []
    here.page.on('response', async (response) => sent.push({ name: new URL(response.url()).pathname, status: response.status(), headers: await response.allHeaders() }))
    await here.open(`http://${api}/console/`)
    for (const name of ['/console/', '/console/guest.wasm']) {
      const { status, headers } = sent.find((one) => one.name === name)
      assert.deepEqual([status, headers['content-encoding']], [200, 'br'], name)
      assert.match(headers['content-security-policy'], /default-src 'none'.*frame-ancestors 'none'/)
    }
    const { etag } = sent.find(({ name }) => name === '/console/guest.wasm').headers
    const again = await fetch(`http://${api}/console/guest.wasm`, { headers: { 'if-none-match': etag } })
    assert.deepEqual([again.status, (await again.arrayBuffer()).byteLength], [304, 0])
  })

  test('the page as one file is there to be kept', async () => {
    const response = await fetch(`http://${api}/console/sealtrail-console.html`)
    assert.equal(response.headers.get('content-disposition'), 'attachment')
    assert.match(await response.text(), /id="guest\.wasm"/)
  })
})
