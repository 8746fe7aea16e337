import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { chromium } from 'playwright-core'
import { FILES, read, VECTORS } from '../files.js'

const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
]
const TYPES = { js: 'text/javascript', wasm: 'application/wasm', json: 'application/json' }

let browser, server, page
before(async () => {
  server = createServer(async (request, response) => {
    const name = request.url.slice(1)
    if (name === '') return response.setHeader('content-type', 'text/html').end('<!doctype html><title>vectors</title>')
    if (!(name in FILES)) return response.writeHead(404).end()
    response.setHeader('content-type', TYPES[name.split('.').pop()]).end(await read(name))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS })
  page = await browser.newPage()
  await page.goto(`http://127.0.0.1:${server.address().port}/`)
})
after(async () => {
  await browser?.close()
  server?.closeAllConnections()
  server?.close()
})

for (const file of VECTORS) {
  test(`${file}: both edges in Chromium`, async () => {
    const results = await page.evaluate(async (file) => {
      const { edgeInstance, edgeSkips, guestInstance, runVectors } = await import('/runner.js')
      const glue = await import('/glue.js')
      const compiled = async (name) => WebAssembly.compile(await (await fetch(name)).arrayBuffer())
      glue.initSync({ module: await compiled('/glue.wasm') })
      const guest = await compiled('/guest.wasm')
      const vectors = await (await fetch(`/${file}`)).json()
      return {
        guest: runVectors(vectors, () => guestInstance(guest)),
        edge: runVectors(vectors, () => edgeInstance(glue), { skips: edgeSkips }),
        all: vectors.cases.flatMap((c) => c.calls).length,
      }
    }, file)
    assert.deepEqual(results.guest, { wrong: [], calls: results.all })
    assert.deepEqual(results.edge.wrong, [])
    assert.ok(results.edge.calls > 20)
  })
}
