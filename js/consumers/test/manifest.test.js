import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { buildReference } from '../reference.js'
import { installed, run } from './installed.js'

const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc')

let consumer
before(async () => {
  consumer = await installed()
})
after(() => consumer?.remove())

test('the tarball has what runs, and nothing else', () => {
  const folders = new Set(consumer.packed.files.map(({ path }) => path.replace(/[^/]+$/, '')))
  assert.deepEqual(folders, new Set(['', 'src/', 'dist/wasm/']))
  const files = consumer.packed.files.map(({ path }) => path)
  assert.deepEqual(files.filter((path) => !/^(src\/[\w.-]+\.(js|d\.ts)|dist\/wasm\/[\w.]+\.(js|wasm))$/.test(path)).sort(), ['LICENSE-APACHE', 'LICENSE-MIT', 'README.md', 'package.json'])
})

test('publint has nothing to say', async () => {
  const { messages } = await publint({ pkgDir: consumer.package, pack: false, strict: true })
  assert.deepEqual(messages, [])
})

test('are the types wrong: no, wherever ESM is imported', async () => {
  const { problems } = await checkPackage(createPackageFromTarballData(await readFile(consumer.tarball)))
  // Node 10 knows no `exports`; and that CommonJS gets ESM is what is meant.
  const meant = ({ kind, resolutionKind }) => kind === 'CJSResolvesToESM' || resolutionKind === 'node10'
  assert.deepEqual(problems.filter((problem) => !meant(problem)), [])
})

for (const [module, moduleResolution] of [['nodenext', 'nodenext'], ['esnext', 'bundler']]) {
  test(`TypeScript, ${moduleResolution}, with the types of the package checked`, async () => {
    const file = await consumer.write('consumer.ts', `
      import { createTrail, loadEngine, verifyProof, type Receipt } from 'sealtrail'
      import { listener } from 'sealtrail/http'
      import { redact } from 'sealtrail/pino'
      const trail = await createTrail({ url: 'unix:/run/x.sock', onFailure: 'spool', spool: { folder: 'x', unencrypted: true } })
      const receipt: Receipt = await trail.record({ entity: { type: 'x', id: 1 }, action: 'update', before: {}, after: {} })
      const line: string = (await redact({}))('{}')
      const served: string = listener(trail, (): string => receipt.status)({} as never, {} as never)
      // @ts-expect-error a spool in clear has to say so
      await createTrail({ url: 'x', onFailure: 'spool', spool: { folder: 'x' } })
      void [line, served, (await loadEngine()).diff({}, {}), verifyProof]`)
    const node = createRequire(import.meta.url).resolve('@types/node/package.json')
    const flags = ['--noEmit', '--strict', '--skipLibCheck', 'false', '--target', 'es2023', '--types', 'node', '--typeRoots', join(node, '../..')]
    await run(process.execPath, [tsc, ...flags, '--module', module, '--moduleResolution', moduleResolution, file], { cwd: consumer.folder }).catch(({ stdout }) => assert.fail(stdout))
  })
}

test('typedoc builds the reference without a warning', async () => {
  const reference = join(consumer.folder, 'reference')
  assert.deepEqual(await buildReference(consumer.package, reference), [])
  for (const [page, text] of [['index.html', 'Delivery'], ['functions/pino.redact.html', 'streamWrite']]) {
    assert.ok((await readFile(join(reference, page), 'utf8')).includes(text), page)
  }
})
