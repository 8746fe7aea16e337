import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { freePort } from './port.js'
import { Sidecar, skip } from './sidecar.js'

const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
/** The first block of a language. */
const block = (language) => new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'm').exec(readme)[1]

/** What differs from one run to the next. */
const steady = (text) => text.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '(id)').replace(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ/gm, '(time)')

describe('the first steps of README, with the real sidecar', { skip }, () => {
  let sidecar, service, folder
  before(async () => {
    const upstream = await freePort()
    sidecar = await Sidecar.init({ upstream })
    const policy = JSON.parse(await sidecar.policy())
    policy.rules.push(...JSON.parse(`[${block('json')}]`))
    await sidecar.setPolicy(JSON.stringify(policy))
    await sidecar.start()
    // Inside the package, so that it imports itself by its name.
    folder = await mkdtemp(new URL('./documented-', import.meta.url).pathname)
    const code = block('js').replace('http://127.0.0.1:8090', sidecar.api).replace('listen(3000)', `listen(${upstream}, '127.0.0.1', () => console.log('listening'))`)
    await writeFile(`${folder}/service.mjs`, code)
    service = spawn(process.execPath, [`${folder}/service.mjs`], { stdio: ['ignore', 'pipe', 'inherit'] })
    for await (const _ of service.stdout) break
  })
  after(async () => {
    service?.kill()
    await sidecar?.end()
    if (folder) await rm(folder, { recursive: true })
  })

  test('its transcript is what one gets', async () => {
    const [request, ...told] = block('console').split(/^\$ /m).slice(1).map((step) => step.replaceAll('\\\n', ' '))
    const [, path] = /localhost:8080(\S+)/.exec(request)
    const headers = Object.fromEntries([...request.matchAll(/-H '([^:]+): ([^']+)'/g)].map(([, name, value]) => [name, value]))
    const [, body, answer] = /-d '([^']+)'\s*\n([^]*)/.exec(request)
    const response = await fetch(sidecar.proxy + path, { method: 'PUT', headers, body })
    assert.equal(steady(`${await response.text()}\n`), steady(answer))
    const [, words, history] = /^sealtrail (.*)\n([^]*)/.exec(told[0])
    const args = words.replace('trail/sealtrail.toml', sidecar.config).split(' ')
    const { stdout } = await promisify(execFile)(process.env.SEALTRAIL_BIN, args)
    assert.equal(steady(stdout).trimEnd(), steady(history).trimEnd())
  })
})
