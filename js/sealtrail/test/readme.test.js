import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { startCollector } from './collector.js'

const run = promisify(execFile)
const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
const snippets = [...readme.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, code]) => code)

let collector, folder
before(async () => {
  collector = await startCollector()
  // Inside the package, so that it imports itself by its name.
  folder = await mkdtemp(new URL('./readme-', import.meta.url).pathname)
})
after(async () => {
  await rm(folder, { recursive: true })
  await collector.stop()
})

/** What a reader would do next, by what the snippet defines. */
const EPILOGUE = [
  [/const server = app\.listen/, `
    const { once } = await import('node:events')
    await once(server, 'listening')
    const response = await fetch('http://127.0.0.1:' + server.address().port + '/customers/3', {
      method: 'PUT', headers: { 'content-type': 'application/json', 'x-request-id': 'order-77' }, body: '{"email":"ada@example.org"}',
    })
    console.log(JSON.stringify(await response.json()))
    server.close(); server.closeAllConnections()`],
  [/trail\.preview/, `console.log(record.type, fields.length, trail.diff({ title: 'a', n: 1 }, { title: 'b', n: 1.0 }))`],
]
const PRINTS = {
  0: /\{"email":"ada@example.org","record":"record-0"\}/,
  3: /sealtrail\.change\.update\.v1 4 \[ \{ op: 'replace', path: '\/title'/,
  9: /^\{"level":30,"customer":\{"title":"Dr","email":"\[sealed contact\]"\},"basket":"\[sealed default\]","msg":"saved"\}\n$/,
}

/** A call with its result as a comment in the line below. */
const SHOWN = /^((?:engine|trail)\.\w+\(.*\))(?: \/\/ .*)?\n\/\/ (.*)$/gm
let shown = 0

/** The snippet, in which each shown result is compared with the one that comes. */
function checked(snippet) {
  const compared = snippet.replaceAll(SHOWN, (_, call, result) => {
    shown++
    return `assert.deepEqual(${call}, ${/^[[{]/.test(result) ? result : JSON.stringify(`${result}\n`)})`
  })
  return `import assert from 'node:assert/strict'\n${compared}`
}

test('there are snippets', () => assert.equal(snippets.length, 10))

for (const [number, snippet] of snippets.entries()) {
  test(`README snippet ${number + 1} runs`, async () => {
    const epilogue = EPILOGUE.find(([pattern]) => pattern.test(snippet))?.[1] ?? ''
    const code = checked(snippet).replaceAll('http://127.0.0.1:8090', collector.url).replace('listen(3000)', "listen(0, '127.0.0.1')") + epilogue
    const file = `${folder}/snippet-${number}.mjs`
    await writeFile(file, code)
    const { stdout, stderr } = await run(process.execPath, [file], { timeout: 30_000, cwd: folder, env: { ...process.env, SPOOL_KEY: Buffer.alloc(32, 1).toString('base64') } })
    assert.equal(stderr, '')
    if (PRINTS[number]) assert.match(stdout, PRINTS[number])
  })
}

test('results are shown', () => assert.equal(shown, 5))
