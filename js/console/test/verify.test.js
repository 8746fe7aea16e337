import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, beforeEach, test } from 'node:test'
import { inBrowser } from './browser.js'
import { startPageServer } from './page-server.js'

const here = inBrowser()
let server, line, other, proof, vkey
before(async () => {
  server = await startPageServer()
  const golden = (name) => readFile(new URL(`../../../tests/vectors/golden-log-257/${name}`, import.meta.url), 'utf8')
  const lines = (await golden('entries/00000000000000000000.jsonl')).split('\n')
  line = lines[256]
  other = lines[255]
  // The last of 257: the path to the root is the one hash of the 256 before it, in the golden log's own tile.
  const tile = await readFile(new URL('../../../tests/vectors/golden-log-257/tile/1/000.p/1', import.meta.url))
  proof = `c2sp.org/tlog-proof@v1\nindex 256\n${tile.toString('base64')}\n\n${await golden('checkpoint')}`
  vkey = await golden('log.vkey')
})
after(() => server?.stop())
beforeEach(async () => {
  await here.open(server.url)
  await here.page.click('nav a[href="#verify"]')
})

const checks = () =>
  here.page.$$eval('.checks li', (items) => Object.fromEntries(items.map((item) => [item.querySelector('strong').textContent, item.querySelector('.badge')?.innerText.trim()])))
const ALL = { Proof: 'passed', 'Verifier key': 'passed', Origin: 'passed', Signature: 'passed', Inclusion: 'passed' }

async function fill(texts) {
  for (const [id, text] of Object.entries(texts)) await here.page.fill(`#${id}`, text)
  await here.page.waitForSelector('#verdict .facts')
}

test('what is checked is said in full width, and beside a verdict in its own column', async () => {
  const { page } = here
  const shares = () => page.$$eval('.checks li', (items) => items.map((item) => item.querySelector('div').offsetWidth / item.offsetWidth))
  assert.ok((await shares()).every((share) => share > 0.99))
  await page.click('text=Try an example')
  await page.waitForSelector('h2.passed')
  assert.ok((await shares()).every((share) => share > 0.7 && share < 0.9))
})

test('a record of the golden log is verified', async () => {
  const { page } = here
  await fill({ line: `${line}\n`, proof, vkey })
  await page.waitForSelector('h2.passed')
  assert.match(await page.textContent('#verdict'), /record 256 of sealtrail\.test\/log1.*257 records/)
  assert.deepEqual(await checks(), ALL)
})

test('each fault fails its own check, and the others are made', async () => {
  const { page } = here
  await fill({ line: other, proof, vkey })
  await page.waitForSelector('h2.failed')
  assert.deepEqual(await checks(), { ...ALL, Inclusion: 'failed' })
  await fill({ line, vkey: vkey.replace('20cb2b54+AdBK', '20cb2b54+AdBL') })
  assert.deepEqual(await checks(), { ...ALL, 'Verifier key': 'failed', Origin: 'not checked', Signature: 'not checked' })
  await fill({ vkey, proof: proof.replace('\n257\n', '\n258\n') })
  assert.deepEqual(await checks(), { ...ALL, Signature: 'failed', Inclusion: 'failed' })
  await fill({ proof: proof.replace('sealtrail.test/log1\n', 'sealtrail.test/log2\n') })
  assert.deepEqual(await checks(), { ...ALL, Origin: 'failed', Signature: 'failed' })
  await fill({ proof: 'nothing' })
  assert.deepEqual(await checks(), { Proof: 'failed', 'Verifier key': 'passed', Origin: 'not checked', Signature: 'not checked', Inclusion: 'not checked' })
  assert.match(await page.textContent('#verdict'), /Not verified/)
})

test('three files dropped at once are told apart', async () => {
  await here.drop('#line', [{ name: 'key', text: vkey }, { name: 'record.json', text: line }, { name: 'x.tlog-proof', text: proof }])
  await here.page.waitForSelector('h2.passed')
  await here.drop('#line', [{ name: 'notes.txt', text: 'nothing of that' }])
  await here.page.waitForSelector('text=notes.txt is no record, no proof and no verifier key')
})

test('a record that a tool has printed over several lines is told so', async () => {
  await fill({ line: JSON.stringify(JSON.parse(line), null, 2), proof, vkey })
  assert.match(await here.page.textContent('#verdict'), /This is \d+ lines, and a record is one/)
})

test('the example of the page is the golden log\'s', async () => {
  const { page } = here
  await page.click('text=Try an example')
  await page.waitForSelector('h2.passed')
  await page.click('nav a[href="#preview"]')
  await page.click('nav a[href="#verify"]')
  assert.deepEqual(await Promise.all(['#line', '#proof', '#vkey'].map((id) => page.inputValue(id))), [line, proof, vkey.trim()])
})
