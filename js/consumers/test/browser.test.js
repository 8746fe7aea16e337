import assert from 'node:assert/strict'
import { once } from 'node:events'
import { cp, readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { extname, join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import * as esbuild from 'esbuild'
import { chromium } from 'playwright-core'
import { build as viteBuild } from 'vite'
import webpack from 'webpack'
import { CONSUMED, installed, PAGE_CODE } from './installed.js'

const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
]
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' }
const POLICY = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; object-src 'none'"

const PAGE = `import { consume } from './consume.js'
consume().then((result) => (globalThis.result = result), (error) => (globalThis.result = { error: String(error.cause ?? error) }))
`
const WORKER = `import { consume } from './consume.js'
consume().then((result) => postMessage(result), (error) => postMessage({ error: String(error.cause ?? error) }))
`
const WORKER_PAGE = `const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
worker.onmessage = ({ data }) => (globalThis.result = data)
worker.onerror = ({ message }) => (globalThis.result = { error: message })
`
const html = (script) => `<!doctype html><title>consumer</title><script type="module" src="${script}"></script>`

let consumer, browser, server
before(async () => {
  consumer = await installed()
  await consumer.write('consume.js', PAGE_CODE)
  await consumer.write('page.js', PAGE)
  await consumer.write('worker.js', WORKER)
  await consumer.write('worker-page.js', WORKER_PAGE)
  server = createServer(async (request, response) => {
    const path = new URL(request.url, 'http://localhost').pathname
    const body = await readFile(join(consumer.folder, path)).catch(() => undefined)
    const head = { 'content-type': TYPES[extname(path)] ?? 'text/plain', 'content-security-policy': path.startsWith('/plain') ? '' : POLICY }
    response.writeHead(body ? 200 : 404, head).end(body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS })
})
after(async () => {
  await browser?.close()
  server?.closeAllConnections()
  server?.close()
  await consumer?.remove()
})

/** What a page of the consumer's folder came to, what it loaded, and how many workers it has. */
async function open(path) {
  const page = await browser.newPage()
  const loaded = []
  page.on('response', (response) => loaded.push(`${response.status()} ${new URL(response.url()).pathname}`))
  try {
    await page.goto(`http://127.0.0.1:${server.address().port}/${path}`)
    await page.waitForFunction(() => globalThis.result !== undefined, undefined, { timeout: 60_000 })
    return { result: await page.evaluate(() => globalThis.result), loaded, threads: page.workers().length }
  } finally {
    await page.close()
  }
}

/** The same of a page whose engine is in a worker. */
async function inThread(path) {
  const { result, threads } = await open(path)
  assert.equal(threads, 1)
  return result
}

const ENGINE_WORKER = `import { startWorker } from 'sealtrail/worker'
const worker = startWorker()
worker.diff('{"n":1}', { n: 2 }).then((result) => (globalThis.result = result), (error) => (globalThis.result = { error: String(error) }))
`

const viteConfig = (input, outDir) => ({
  root: consumer.folder, base: './', logLevel: 'error', configFile: false, worker: { format: 'es' },
  build: { outDir, rollupOptions: { input: join(consumer.folder, input) }, assetsInlineLimit: 0 },
})

test('Vite', async () => {
  await consumer.write('vite.html', html('./page.js'))
  await viteBuild(viteConfig('vite.html', 'out-vite'))
  const { result, loaded } = await open('out-vite/vite.html')
  assert.deepEqual(result, CONSUMED)
  assert.equal(loaded.filter((line) => /^200 .*\.wasm$/.test(line)).length, 2)
})

test('Vite, in a web worker', async () => {
  await consumer.write('vite-worker.html', html('./worker-page.js'))
  await viteBuild(viteConfig('vite-worker.html', 'out-vite-worker'))
  assert.deepEqual((await open('out-vite-worker/vite-worker.html')).result, CONSUMED)
})

test('the worker of the package, by Vite and without a bundler', async () => {
  await consumer.write('engine-worker.js', ENGINE_WORKER)
  await consumer.write('vite-engine.html', html('./engine-worker.js'))
  await viteBuild(viteConfig('vite-engine.html', 'out-vite-engine'))
  assert.deepEqual(await inThread('out-vite-engine/vite-engine.html'), CONSUMED.changes)
  await consumer.write('plain/engine.js', ENGINE_WORKER.replace("'sealtrail/worker'", "'/node_modules/sealtrail/src/worker.browser.js'"))
  await consumer.write('plain/engine.html', html('./engine.js'))
  assert.deepEqual(await inThread('plain/engine.html'), CONSUMED.changes)
})

test('Vite leaves out what is not used: a check of proofs loads nothing of the core', async () => {
  await consumer.write('proof.js', "import { verifyProof } from 'sealtrail'\nverifyProof('x', '{}', 'y').catch(({ code }) => (globalThis.result = code))\n")
  await consumer.write('vite-proof.html', html('./proof.js'))
  await viteBuild(viteConfig('vite-proof.html', 'out-proof'))
  const { result, loaded } = await open('out-proof/vite-proof.html')
  assert.equal(result, 'proof_malformed')
  assert.ok(!loaded.some((line) => line.includes('sealtrail_bg')), loaded.join())
  const scripts = (await readdir(join(consumer.folder, 'out-proof/assets'))).filter((name) => name.endsWith('.js'))
  for (const name of scripts) assert.doesNotMatch(await readFile(join(consumer.folder, 'out-proof/assets', name), 'utf8'), /textDifference|Capture/)
})

test('webpack, in a web worker, and with the worker of the package', async () => {
  const bundle = async (entry) => {
    const compiler = webpack({
      mode: 'production', context: consumer.folder, entry: `./${entry}.js`, devtool: false,
      output: { path: join(consumer.folder, `out-webpack-${entry}`), filename: 'main.js', publicPath: 'auto' },
    })
    const stats = await promisify(compiler.run.bind(compiler))()
    await promisify(compiler.close.bind(compiler))()
    assert.deepEqual([stats.compilation.errors, stats.compilation.warnings.filter(({ name }) => !/AssetsOverSize|EntrypointsOverSize|NoAsyncChunks/.test(name))], [[], []])
    await consumer.write(`out-webpack-${entry}/index.html`, html('./main.js'))
    return entry === 'engine-worker' ? inThread(`out-webpack-${entry}/index.html`) : (await open(`out-webpack-${entry}/index.html`)).result
  }
  await consumer.write('engine-worker.js', ENGINE_WORKER)
  assert.deepEqual(await bundle('engine-worker'), CONSUMED.changes)
  assert.deepEqual(await bundle('page'), CONSUMED)
  assert.deepEqual(await bundle('worker-page'), CONSUMED)
})

test('esbuild, with the wasm files beside', async () => {
  await esbuild.build({
    entryPoints: [join(consumer.folder, 'page.js')], bundle: true, format: 'esm', conditions: ['browser'], logLevel: 'silent',
    outfile: join(consumer.folder, 'out-esbuild/app/page.js'),
  })
  // It leaves `new URL('../dist/wasm/…', import.meta.url)` as it is.
  await cp(join(consumer.package, 'dist/wasm'), join(consumer.folder, 'out-esbuild/dist/wasm'), { recursive: true })
  await consumer.write('out-esbuild/index.html', html('./app/page.js'))
  assert.deepEqual((await open('out-esbuild/index.html')).result, CONSUMED)
})

test('a plain module, with an import map', async () => {
  const map = '<script type="importmap">{"imports":{"sealtrail":"/node_modules/sealtrail/src/index.browser.js"}}</script>'
  await consumer.write('plain.html', `<!doctype html><title>plain</title>${map}<script type="module" src="./page.js"></script>`)
  assert.deepEqual((await open('plain.html')).result, CONSUMED)
})

test('a web worker without a bundler', async () => {
  // Workers have no import maps.
  await consumer.write('plain/consume.js', PAGE_CODE.replace("'sealtrail'", "'/node_modules/sealtrail/src/index.browser.js'"))
  await consumer.write('plain/worker.js', WORKER)
  await consumer.write('plain/worker-page.js', WORKER_PAGE)
  await consumer.write('plain/index.html', html('./worker-page.js'))
  assert.deepEqual((await open('plain/index.html')).result, CONSUMED)
})
