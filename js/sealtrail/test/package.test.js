import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { test } from 'node:test'
import * as errors from '../src/errors.js'
import { VERSION } from '../src/version.js'

const src = new URL('../src/', import.meta.url)
const manifest = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'))

/** Every module that `entry` imports, and every bare name. */
async function reach(entry, seen = new Map()) {
  if (seen.has(entry.href)) return seen
  seen.set(entry.href, [])
  const text = await readFile(entry, 'utf8')
  for (const [, name] of text.matchAll(/^(?:import|export)\s[^\n]*?from ['"]([^'"\n]+)['"]/gm)) {
    seen.get(entry.href).push(name)
    if (name.startsWith('.')) await reach(new URL(name, entry), seen)
  }
  return seen
}

test('no runtime dependency: modules import their neighbours and Node', async () => {
  assert.equal(manifest.dependencies, undefined)
  for (const entry of ['index.js', 'express.js', 'fastify.js', 'koa.js', 'hono.js', 'nest.js', 'http.js', 'pino.js', 'worker.node.js', 'worker-thread.node.js']) {
    for (const [module, names] of await reach(new URL(entry, src))) {
      for (const name of names) assert.match(name, /^(\.|node:)/, module)
    }
  }
})

test('the browser entry reaches nothing of Node', async () => {
  for (const entry of ['index.browser.js', 'worker.browser.js', 'worker-thread.browser.js']) {
    const reached = await reach(new URL(entry, src))
    assert.ok(reached.size > 4)
    for (const [module, names] of reached) for (const name of names) assert.match(name, /^\./, module)
  }
})

test('records name the version of the manifest', () => assert.equal(VERSION, manifest.version))

test('every export of the manifest exists, with its types', async () => {
  const files = JSON.stringify(manifest.exports).match(/\.\/src\/[\w.]+/g)
  assert.equal(files.length, 21)
  const present = new Set(await readdir(src))
  for (const file of files) assert.ok(present.has(file.slice('./src/'.length)), file)
})

test('the codes and their types are one list', async () => {
  const types = await readFile(new URL('errors.d.ts', src), 'utf8')
  const declared = [...types.matchAll(/[|=] '([a-z_]+)'/g)].map(([, code]) => code)
  assert.deepEqual(new Set(declared), new Set(errors.ERROR_CODES))
})

test('a code that was given once stays', async () => {
  const given = (await readFile(new URL('error-codes.txt', import.meta.url), 'utf8')).trim().split('\n')
  const gone = given.filter((code) => !errors.ERROR_CODES.includes(code))
  assert.deepEqual(gone, [])
  assert.deepEqual(errors.ERROR_CODES.filter((code) => !given.includes(code)), [], 'a new code goes into error-codes.txt too')
})

test('every place of the package throws only codes of the list', async () => {
  for (const file of await readdir(src)) {
    if (!file.endsWith('.js')) continue
    const text = await readFile(new URL(file, src), 'utf8')
    for (const [, code] of text.matchAll(/new SealtrailError\(\s*'([a-z_]+)'/g)) assert.ok(errors.ERROR_CODES.includes(code), `${file}: ${code}`)
  }
})
