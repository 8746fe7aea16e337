import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { comparing, documentedCode } from './documented-code.js'

const run = documentedCode()
const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
const snippets = [...readme.matchAll(/^```js\n([\s\S]*?)^```$/gm)].map(([, code]) => code)

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
  [/trail\.reveal/, `console.log(JSON.stringify(values[0])); await trail.close()`],
  [/trail\.preview/, `console.log(record.type, fields.length, trail.diff({ title: 'a', n: 1 }, { title: 'b', n: 1.0 }))`],
]
const PRINTS = {
  0: /\{"email":"ada@example.org","record":"record-0"\}/,
  3: /^\{"at":"\/data\/changes\/0\/old","path":"\/email","side":"old","group":"contact","value":"ada@example.com"\}\n$/,
  4: /sealtrail\.change\.update\.v1 4 \[ \{ op: 'replace', path: '\/title'/,
  10: /^\{"level":30,"customer":\{"title":"Dr","email":"\[sealed contact\]"\},"basket":"\[sealed default\]","msg":"saved"\}\n$/,
}

const compared = snippets.map(comparing)

test('there are snippets', () => assert.equal(snippets.length, 11))

for (const [number, { code }] of compared.entries()) {
  test(`README snippet ${number + 1} runs`, async () => {
    const epilogue = EPILOGUE.find(([pattern]) => pattern.test(code))?.[1] ?? ''
    const { stdout, stderr } = await run(code.replace('listen(3000)', "listen(0, '127.0.0.1')") + epilogue)
    assert.equal(stderr, '')
    if (PRINTS[number]) assert.match(stdout, PRINTS[number])
  })
}

test('results are shown', () => assert.equal(compared.reduce((sum, { shown }) => sum + shown, 0), 5))
