import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import ts from 'typescript'
import { startCollector } from './collector.js'

const src = new URL('../src/', import.meta.url)

/** What an example takes for granted. */
const GIVEN = `
import 'reflect-metadata'
import { createTrail, SealtrailError } from 'sealtrail'
const trail = await createTrail({ url: 'COLLECTOR' })
const policy = { id: 'shop', version: '1', default: 'seal' }
const entity = { type: 'customer', id: 3 }
const [before, after, id, body] = [{ email: 'a' }, { email: 'b' }, 7, { stock: 1 }]
const db = { find: async (id) => ({ id }), update: async (id, body) => ({ id, ...body }) }
const shedLoad = () => {}
`

const examples = []
for (const file of (await readdir(src)).filter((name) => name.endsWith('.d.ts')).sort()) {
  const text = await readFile(new URL(file, src), 'utf8')
  for (const [, block] of text.matchAll(/^ *\* @example\n((?: *\*(?!\/).*\n)+)/gm)) {
    const code = block.replaceAll(/^ *\* ?/gm, '').replaceAll('\\@', '@')
    examples.push({ name: `${file}, ${examples.filter(({ file: other }) => other === file).length + 1}`, file, code })
  }
}

let collector, folder
before(async () => {
  collector = await startCollector()
  // Inside the package, so that it imports itself by its name.
  folder = await mkdtemp(new URL('./examples-', import.meta.url).pathname)
})
after(async () => {
  await rm(folder, { recursive: true })
  await collector.stop()
})

test('there are examples', () => assert.deepEqual(new Set(examples.map(({ file }) => file)).size, 10))

for (const [number, { name, code }] of examples.entries()) {
  test(`the example of ${name} runs`, async () => {
    const { outputText } = ts.transpileModule(GIVEN.replace('COLLECTOR', collector.url) + code, {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, experimentalDecorators: true, verbatimModuleSyntax: true },
    })
    const file = `${folder}/example-${number}.mjs`
    await writeFile(file, outputText)
    const { stderr } = await promisify(execFile)(process.execPath, [file], { timeout: 60_000 })
    assert.equal(stderr, '')
  })
}
