import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { freePort } from './port.js'

// Set by `cargo xtask test`; the package's other tests need no sidecar.
const SEALTRAIL = process.env.SEALTRAIL_BIN
export const skip = SEALTRAIL ? false : 'SEALTRAIL_BIN is not set'

const run = promisify(execFile)

/** The real sidecar, in a folder of its own that can be deleted. */
export class Sidecar {
  #process

  /** Where it is set up, and not running yet. */
  static async init({ upstream, policy, edit = (text) => text } = {}) {
    const folder = await mkdtemp(join(tmpdir(), 'sealtrail-'))
    const sidecar = new Sidecar()
    const [api, proxy] = [await freePort(), await freePort()]
    const { stdout } = await run(SEALTRAIL, [
      'init', join(folder, 'trail'), '--origin', 'shop.example/audit', '--upstream', `http://127.0.0.1:${upstream ?? 1}`,
      '--api-listen', `127.0.0.1:${api}`, '--proxy-listen', `127.0.0.1:${proxy}`,
    ])
    Object.assign(sidecar, {
      folder, config: join(folder, 'trail/sealtrail.toml'), vkey: stdout.match(/shop\.example\/audit\+[0-9a-f]{8}\+\S+/)[0],
      port: api, api: `http://127.0.0.1:${api}`, proxy: `http://127.0.0.1:${proxy}`,
    })
    await writeFile(sidecar.config, edit(await readFile(sidecar.config, 'utf8'), sidecar))
    if (policy) await sidecar.setPolicy(policy)
    return sidecar
  }

  async start() {
    this.#process = spawn(SEALTRAIL, ['serve', '--config', this.config], { stdio: ['ignore', 'pipe', 'ignore'] })
    for await (const line of createInterface({ input: this.#process.stdout })) {
      if (line.startsWith('api listening on')) return this.#process.stdout.resume()
    }
    throw new Error('the sidecar ended before it listened')
  }

  async stop(signal = 'SIGTERM') {
    if (!this.#process || this.#process.exitCode !== null || this.#process.signalCode !== null) return
    this.#process.kill(signal)
    await once(this.#process, 'exit')
  }

  /** Reads policy and tokens again. */
  reload() {
    this.#process.kill('SIGHUP')
  }

  async end() {
    await this.stop()
    await rm(this.folder, { recursive: true, force: true })
  }

  policy() {
    return readFile(join(this.folder, 'trail/policy.json'), 'utf8')
  }

  setPolicy(text) {
    return writeFile(join(this.folder, 'trail/policy.json'), text)
  }

  /** A new token of these roles. */
  async token(name, ...args) {
    const file = join(this.folder, 'trail/tokens.toml')
    const { stdout } = await run(SEALTRAIL, ['--json', 'token', 'new', '--name', name, '--file', file, ...args])
    return JSON.parse(stdout).token
  }

  /** The records, in their order. */
  async lines() {
    const text = await readFile(join(this.folder, 'trail/log/entries/00000000000000000000.jsonl'), 'utf8')
    return text.split('\n').filter((line) => line.startsWith('{'))
  }

  async get(path) {
    const response = await fetch(this.api + path)
    const text = await response.text()
    return response.ok ? text : Promise.reject(new Error(`${path}: ${response.status} ${text}`))
  }

  async post(path, body) {
    const response = await fetch(this.api + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
    const answer = await response.json()
    return response.ok ? answer : Promise.reject(new Error(`${path}: ${response.status} ${answer.code}`))
  }
}
