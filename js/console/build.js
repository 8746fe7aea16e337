// npm run build: the page in both of its forms, into dist/.
//
//   index.html, assets/, *.wasm    for a server: modules, the editor and the check of proofs loaded when they are needed
//   sealtrail-console.html         one file for a folder: browsers load neither modules nor wasm from there
//   *.br, *.gz                     what a server sends instead, where the browser takes it
//
// $SEALTRAIL_GUEST is the guest.wasm that the page runs; without it that of the build before is taken.
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'
import { build } from 'vite'

const page = fileURLToPath(new URL('page', import.meta.url))
const finished = new URL('dist/', import.meta.url)
const dist = new URL('dist.new/', import.meta.url)
const wasm = {
  'guest.wasm': await readFile(process.env.SEALTRAIL_GUEST ?? new URL('guest.wasm', finished)),
  'proof.wasm': await readFile(new URL('../sealtrail/dist/wasm/proof_bg.wasm', import.meta.url)),
}

/** The commands of CodeMirror import its parsers, and those that are bound here use none; these modules do not say that they may go. */
const UNUSED = { test: /@lezer|@codemirror\/language/, sideEffects: false }

/** Everything is refused, but what the form of the page names. */
const POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; worker-src blob:; "
const SERVED = POLICY + "script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; img-src 'self'"
const hashed = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`

await rm(dist, { recursive: true, force: true })
await mkdir(dist, { recursive: true })
for (const [name, bytes] of Object.entries(wasm)) await writeFile(new URL(name, dist), bytes)
await bundle({ html: (html) => html.replace('%POLICY%', SERVED), write: true })
await writeFile(new URL('sealtrail-console.html', dist), await oneFile())
await compress()
await put()

async function bundle({ html, write, output = {} }) {
  return build({
    configFile: false,
    logLevel: 'warn',
    root: page,
    base: './',
    publicDir: false,
    plugins: [{ name: 'policy', transformIndexHtml: { order: 'pre', handler: html } }],
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    worker: { format: 'iife' },
    build: {
      write, outDir: fileURLToPath(dist), emptyOutDir: false, target: 'es2022', cssTarget: ['chrome123', 'firefox128', 'safari17.5'], assetsInlineLimit: 0, reportCompressedSize: false,
      modulePreload: { polyfill: false }, rolldownOptions: { output, treeshake: { moduleSideEffects: [UNUSED] }, checks: { pluginTimings: false } },
    },
  })
}

/** Script, style, icon and wasm within one page, whose policy names the hashes of the first two and no source to load from. */
async function oneFile() {
  const { output } = await bundle({ html: (html) => html, write: false, output: { codeSplitting: false } })
  const [script] = output.filter(({ type }) => type === 'chunk').map(({ code }) => code.replaceAll('</script', '<\\/script'))
  const style = output.find(({ fileName }) => fileName.endsWith('.css')).source
  const icon = await readFile(new URL('page/icon.svg', import.meta.url), 'base64')
  const policy = `${POLICY}script-src ${hashed(script)} 'wasm-unsafe-eval'; style-src ${hashed(style)}; img-src data:`
  const inside = Object.entries(wasm).map(
    ([name, bytes]) => `<script type="application/octet-stream" id="${name}">${gzipSync(bytes, { level: 9 }).toString('base64')}</script>`,
  )
  const html = await readFile(new URL('page/index.html', import.meta.url), 'utf8')
  // A function gives the text: in one that is given itself, `$&` would mean something.
  return html
    .replace('%POLICY%', () => policy)
    .replace(/<link rel="icon"[^>]*>/, `<link rel="icon" href="data:image/svg+xml;base64,${icon}">`)
    .replace(/\s*<link rel="preload"[^>]*>/, '')
    .replace(/<link rel="stylesheet"[^>]*>/, () => `<style>${style}</style>`)
    .replace(/\s*<script type="module"[^>]*><\/script>/, '')
    .replace('</body>', () => `  ${inside.join('\n    ')}\n    <script type="module">${script}</script>\n  </body>`)
}

/** In place of the build before, unless that is the same: the sidecar embeds the page, and is linked for minutes when its files are newer. */
async function put() {
  const [now, before] = await Promise.all([digests(dist), digests(finished)])
  if (now === before) return rm(dist, { recursive: true })
  await rm(finished, { recursive: true, force: true })
  await rename(dist, finished)
}

async function digests(folder) {
  const files = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  const named = files.filter((file) => file.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  const lines = named.map(async (path) => `${relative(fileURLToPath(folder), path)} ${createHash('sha256').update(await readFile(path)).digest('hex')}`)
  return (await Promise.all(lines)).sort().join('\n')
}

/** The one file has its parts compressed already. */
async function compress() {
  for (const name of await readdir(dist, { recursive: true })) {
    if (!/\.(html|js|css|svg|wasm)$/.test(name) || name === 'sealtrail-console.html') continue
    const bytes = await readFile(new URL(name, dist))
    const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 22, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length }
    await writeFile(new URL(`${name}.br`, dist), brotliCompressSync(bytes, { params }))
    await writeFile(new URL(`${name}.gz`, dist), gzipSync(bytes, { level: 9 }))
  }
}
