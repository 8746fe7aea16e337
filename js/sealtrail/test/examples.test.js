import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { test } from 'node:test'
import ts from 'typescript'
import { comparing, documentedCode } from './documented-code.js'

const run = documentedCode()
const src = new URL('../src/', import.meta.url)

/** What an example takes for granted. */
const GIVEN = `
import 'reflect-metadata'
import { writeFile } from 'node:fs/promises'
import { createTrail, loadEngine, SealtrailError } from 'sealtrail'
const trail = await createTrail({ url: 'http://127.0.0.1:8090' })
const policy = { id: 'shop', version: '1', default: 'seal' }
const entity = { type: 'customer', id: 3 }
const [before, after, id, body] = [{ email: 'a' }, { email: 'b' }, 7, { stock: 1 }]
const db = { find: async (id) => ({ id }), update: async (id, body) => ({ id, ...body }) }
const shedLoad = () => {}
const sealed = await trail.seal({ entity, action: 'create', before: null, after: { email: 'a' } })
const line = await (await fetch('http://127.0.0.1:8090/v1/records/' + sealed.id)).text()
`

/** What an example of proofs does. */
const GIVEN_TO_CHECK = `
import { SealtrailError, verifyProof } from 'sealtrail'
import { goldenRecord, newWitness } from '../witness.js'
const witness = newWitness('w.example')
const golden = await goldenRecord()
const { line, vkey } = golden
const proof = witness.cosign(golden.proof, 1795000000)
const witnessPolicy = 'witness w ' + witness.vkey + '\\nquorum w\\n'
`

const examples = []
for (const file of (await readdir(src)).filter((name) => name.endsWith('.d.ts')).sort()) {
  const text = await readFile(new URL(file, src), 'utf8')
  for (const [, block] of text.matchAll(/^ *\* @example\n((?: *\*(?!\/).*\n)+)/gm)) {
    const code = block.replaceAll(/^ *\* ?/gm, '').replaceAll('\\@', '@')
    examples.push({ name: `${file}, ${examples.filter(({ file: other }) => other === file).length + 1}`, file, code })
  }
}

test('there are examples, of every method of a trail and of the core', async () => {
  assert.deepEqual(new Set(examples.map(({ file }) => file)).size, 12)
  for (const [file, name, given] of [['trail.d.ts', 'trail', ['context', 'close']], ['engine.d.ts', 'engine', ['diff', 'verifyProof']]]) {
    const text = await readFile(new URL(file, src), 'utf8')
    const [, body] = new RegExp(`^export interface ${name} \\{\n([^]*?)^\\}`, 'im').exec(text)
    const members = new Set([...body.matchAll(/^  (?:readonly )?(\w+)[(<?:]/gm)].map(([, member]) => member))
    for (const member of given) assert.ok(members.has(member), member)
    const code = examples.filter((example) => example.file === file).map((example) => example.code).join('')
    // Of `verifyProof` there is an example where it is a function.
    assert.deepEqual([...members].filter((member) => member !== 'verifyProof' && !code.includes(`${name}.${member}`) && !code.includes(`.${member}(`)), [])
  }
})

for (const { name, file, code } of examples) {
  test(`the example of ${name} runs`, async () => {
    const { outputText } = ts.transpileModule((file === 'index.browser.d.ts' ? GIVEN_TO_CHECK : GIVEN) + comparing(code).code, {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, experimentalDecorators: true, verbatimModuleSyntax: true },
    })
    const { stderr } = await run(outputText)
    assert.equal(stderr, '')
  })
}
