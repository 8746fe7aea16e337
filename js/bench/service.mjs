// node bench/service.mjs [SEALTRAIL] [SECONDS [FRAMEWORK]]: what the package costs a service that records one change per
// request, in Express and in Fastify: without it, with its middleware, recording without waiting, waiting for the
// receipt, and sealing here; and what it costs the same service to keep an audit file by hand, without and with waiting.
// They are asked in turns, by wrk over 64 connections, and compared by the CPU time that they take for a request; each
// has a process of its own, since whoever uses AsyncLocalStorage makes every promise of the process dearer. The records go to
// the sidecar whose binary is named, else to a process that answers receipts (and gives no leases).
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const ROUNDS = 5
const BODY = { title: 'a cup', stock: 3, price: 9.5, note: 'the blue one, with a saucer', tags: ['kitchen', 'blue'] }
const SENDING = ['middleware', 'recording', 'waiting']
const BY_HAND = ['by hand', 'by hand and waiting']
const run = promisify(execFile)
const here = fileURLToPath(import.meta.url)

const [role, ...given] = process.argv.slice(2)
if (role === 'serve') await serve(...given)
else if (role === 'collect') await collect()
else if (role?.includes('/')) await compare(role, ...given)
else await compare(undefined, role, ...given)

async function compare(binary, seconds = 2, framework = '') {
  const folder = await mkdtemp(join(tmpdir(), 'sealtrail-bench-'))
  const script = join(folder, 'put.lua')
  await writeFile(script, `wrk.method = "PUT"\nwrk.body = '${JSON.stringify(BODY)}'\nwrk.headers["content-type"] = "application/json"\n`)
  const sidecar = binary ? await startSidecar(binary, folder) : await child(process.execPath, [here, 'collect'])
  const services = {}
  const ways = ['express', 'fastify'].filter((name) => name.startsWith(framework)).flatMap((name) => [name, ...[...BY_HAND, ...SENDING, ...(binary ? ['sealing'] : [])].map((way) => `${name}, ${way}`)])
  for (const name of ways) services[name] = await child(process.execPath, [here, 'serve', sidecar.said, join(folder, `${name}.ndjson`), ...name.split(', ')])
  try {
    const results = Object.fromEntries(ways.map((name) => [name, []]))
    for (let round = -1; round < ROUNDS; round++) {
      for (const [name, service] of Object.entries(services)) {
        const { cpu: before } = await service.ask('usage')
        const { stdout } = await run('wrk', ['-t1', '-c64', `-d${seconds}s`, '--latency', '--timeout', '30s', '-s', script, `http://127.0.0.1:${service.said}/products/7`])
        const { cpu, rss, stats } = await service.ask('usage')
        const requests = Number(/(\d+) requests in/.exec(stdout)[1])
        if (/Non-2xx|Socket errors: (?!connect 0, read 0, write 0)/.test(stdout)) throw new Error(`${name}: ${stdout}`)
        // The first round warms up.
        if (round >= 0) results[name].push({ cpu: (cpu - before) / requests, rps: Number(/Requests\/sec: +([\d.]+)/.exec(stdout)[1]), p99: milliseconds(/99% +([\d.]+)(\w+)/.exec(stdout)), rss, stats })
      }
    }
    console.log(JSON.stringify(table(results), null, 1))
  } finally {
    for (const service of [...Object.values(services), sidecar]) await service.end()
    await rm(folder, { recursive: true, force: true })
  }
}

/** Of each the middle of the rounds, and its share of the same service without an audit trail and with one by hand, round by round. */
function table(results) {
  const rows = {}
  for (const [name, rounds] of Object.entries(results)) {
    const [framework, way] = name.split(', ')
    const share = (other, of) => middle(rounds.map((round, i) => of(round) / of(results[other][i])))
    const byHand = `${framework}, ${way === 'waiting' ? 'by hand and waiting' : 'by hand'}`
    rows[name] = {
      'CPU of a request, us': middle(rounds.map(({ cpu }) => cpu)), 'requests/s': middle(rounds.map(({ rps }) => rps)), 'p99, ms': middle(rounds.map(({ p99 }) => p99)),
      'requests for the same CPU': 1 / share(framework, ({ cpu }) => cpu), 'requests/s, share': share(framework, ({ rps }) => rps),
      'p99, times': share(framework, ({ p99 }) => p99),
      ...(['recording', 'waiting'].includes(way) && {
        'requests for the same CPU, against by hand': 1 / share(byHand, ({ cpu }) => cpu), 'requests/s, share of by hand': share(byHand, ({ rps }) => rps),
        'p99, times that of by hand': share(byHand, ({ p99 }) => p99),
      }),
      stats: rounds.at(-1).stats,
    }
  }
  return rows
}

function middle(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]
}

function milliseconds([, number, unit]) {
  return number * { us: 0.001, ms: 1, s: 1000 }[unit]
}

async function serve(url, file, framework, way) {
  const products = new Map()
  let revision = 0
  const put = (id, body) => {
    const before = products.get(id) ?? null
    // So that something changed.
    const after = { ...body, stock: revision++ }
    products.set(id, after)
    return { entity: { type: 'product', id }, action: before === null ? 'create' : 'update', before, after }
  }
  const isByHand = way?.startsWith('by hand')
  const actor = () => ({ type: 'user', id: 'u-1' })
  const audit = isByHand && (await (await import('./by-hand.mjs')).auditFile(file, actor))
  const trail = way && !isByHand && (await (await import('sealtrail')).createTrail({ url, service: 'shop', actor, onError: (error) => console.error(error) }))
  const work = {
    recording: (change) => void trail.record(change),
    waiting: (change) => trail.record(change),
    sealing: (change) => void trail.seal(change),
    'by hand': (change) => void audit.record(change),
    'by hand and waiting': (change) => audit.record(change),
  }[way]
  const answer = async (id, body) => {
    const change = put(id, body)
    if (work) await work(change)
    return change.after
  }
  console.log(await { express: startExpress, fastify: startFastify }[framework](trail, isByHand, answer))
  for await (const _ of createInterface({ input: process.stdin })) {
    // What was recorded without waiting belongs to the turn that recorded it.
    while (trail ? trail.stats().queued > 0 : audit?.waiting) await new Promise((resume) => setTimeout(resume, 1))
    const { user, system } = process.cpuUsage()
    console.log(JSON.stringify({ cpu: user + system, rss: process.memoryUsage.rss(), stats: trail ? trail.stats() : undefined }))
  }
  process.exit()
}

async function startExpress(trail, isByHand, answer) {
  const { default: express } = await import('express')
  const app = express()
  if (trail) app.use((await import('sealtrail/express')).middleware(trail))
  if (isByHand) app.use((await import('./by-hand.mjs')).expressMiddleware)
  app.use(express.json())
  app.put('/products/:id', async (req, res) => void res.json(await answer(req.params.id, req.body)))
  return listening(app.listen(0, '127.0.0.1'))
}

async function startFastify(trail, isByHand, answer) {
  const app = (await import('fastify')).default()
  if (trail) await app.register((await import('sealtrail/fastify')).plugin, { trail })
  if (isByHand) app.addHook('onRequest', (await import('./by-hand.mjs')).fastifyHook)
  app.put('/products/:id', (request) => answer(request.params.id, request.body))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return app.server.address().port
}

/** Receipts, a millisecond after the changes: about what a commit takes. */
async function collect() {
  let index = 0
  const server = createServer(async (request, response) => {
    let lines = 0
    for await (const chunk of request) for (const byte of chunk) if (byte === 10) lines++
    setTimeout(() => response.end(Array.from({ length: lines }, () => `{"status":"recorded","id":"01a1ffa9-be2f-73ed-8b10-49bb862aa357","index":${index++}}\n`).join('')), 1)
  })
  console.log(`http://127.0.0.1:${await listening(server.listen(0, '127.0.0.1'))}`)
}

async function startSidecar(binary, folder) {
  const trail = join(folder, 'trail')
  await run(binary, ['init', trail, '--origin', 'bench.example/audit', '--upstream', 'http://127.0.0.1:1', '--api-listen', '127.0.0.1:0', '--proxy-listen', '127.0.0.1:0'])
  const config = join(trail, 'sealtrail.toml')
  await writeFile(config, (await readFile(config, 'utf8')).replace(/^\[proxy\][^[]*/m, ''))
  return child(binary, ['serve', '--config', config], /^api listening on (\S+)/)
}

/** A process, and what it said when it was ready. */
async function child(command, args, ready = /^(.+)$/) {
  const started = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: started.stdout })[Symbol.asyncIterator]()
  let said
  while (!said) {
    const { value, done } = await lines.next()
    if (done) throw new Error(`\`${command}\` ended before it was ready`)
    said = ready.exec(value)?.[1]
  }
  if (/^[\d.]+:\d+$/.test(said)) said = `http://${said}`
  const ask = async (question) => {
    started.stdin.write(`${question}\n`)
    return JSON.parse((await lines.next()).value)
  }
  const end = async () => {
    if (started.kill()) await once(started, 'exit')
  }
  return { said, ask, end }
}

async function listening(server) {
  if (!server.listening) await once(server, 'listening')
  return server.address().port
}
