import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { after, afterEach, before, beforeEach, test } from 'node:test'
import { chromium } from 'playwright-core'
import { startPageServer } from './page-server.js'

const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
]

let browser, server, context, page, complaints, requests
before(async () => {
  server = await startPageServer()
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS })
})
after(async () => {
  await browser?.close()
  await server?.stop()
})
beforeEach(async () => {
  complaints = []
  requests = []
  context = await browser.newContext()
  page = await context.newPage()
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && complaints.push(message.text()))
  page.on('request', (request) => requests.push(request.url()))
  await open()
})
afterEach(async () => {
  await context.close()
  assert.deepEqual(complaints, [])
})

async function open(hash = '') {
  await page.goto(server.url + hash)
  await page.waitForSelector('html[data-ready]')
}

/** Types, and waits until the page has answered. */
async function type(id, text) {
  await page.fill(id, text)
  await page.waitForTimeout(400)
}

const rows = () =>
  page.$$eval('#fields tbody tr', (trs) =>
    trs.map((tr) => [...tr.children].map((cell) => cell.innerText.replaceAll('\n', ' ').replace(/ +/g, ' ').trim())),
  )
const row = async (path) => (await rows()).find(([first]) => first === path)

test('the example is previewed at once, every field with its treatment and its rule', async () => {
  assert.deepEqual((await row('/title')).slice(3), ['kept', 'rules[0] $.title'])
  const email = await row('/customer/email')
  assert.match(email[1], /before "ada@example\.com" after "ada@example\.org"/)
  assert.match(email[2], /before "st1\.\d+\.[\w-]+" after "st1\.\d+\.[\w-]+"/)
  assert.match(email[3], /^sealed group contact, key of customer\/3, retention standard-7y$/)
  assert.match((await row('/customer/phone'))[2], /\*{3}/)
  assert.match((await row('/session'))[2], /not stored/)
  assert.match((await row('/ledger'))[1], /12345678901234567890123 after 12345678901234567890124/)
  assert.match((await row('/data/request/ip'))[3], /sealed group network/)
  assert.equal(await row('/updated_at'), undefined)
  const record = await page.textContent('#record')
  assert.doesNotMatch(record, /ada@example|s-1|203\.0\.113/)
  assert.match(record, /"correlationid": "a20e389c-134b-40e7-9827-1c94eb895412"/)
})

test('typing in the policy changes what would be stored', async () => {
  const policy = await page.inputValue('#policy')
  await type('#policy', policy.replace('"$.title", "action": "keep"', '"$.title", "action": "drop"'))
  assert.match((await row('/title'))[2], /not stored/)
  assert.match(await page.textContent('#summary'), /2 dropped/)
})

test('an error says line and column, goes there, and keeps the last preview', async () => {
  const before = await rows()
  const change = await page.inputValue('#change')
  await type('#change', change.replace('"inventory": 1,', '"inventory": x,'))
  const note = await page.textContent('#change-note')
  assert.match(note, /Error: .*line 6, column 18/)
  assert.equal(await page.getAttribute('#change', 'aria-invalid'), 'true')
  assert.deepEqual((await rows()).length, before.length)
  await page.click('#change-note button')
  const selected = await page.$eval('#change', (area) => area.value.slice(area.selectionStart, area.selectionEnd))
  assert.equal(selected, 'x')
  assert.equal(await page.evaluate(() => document.activeElement.id), 'change')

  await type('#change', change)
  assert.equal(await page.getAttribute('#change', 'aria-invalid'), null)
  await type('#policy', '{"id":"p","version":"1","default":"keep","rules":[{"select":"$.[","action":"keep"}]}')
  assert.match(await page.textContent('#policy-note'), /Error: .*is no selector/)
})

test('every example previews, and what is the same is not stored', async () => {
  const names = await page.$$eval('#example option', (options) => options.map(({ value }) => value))
  assert.ok(names.length >= 3)
  for (const name of names) {
    await page.selectOption('#example', name)
    await page.waitForTimeout(300)
    assert.ok((await rows()).length > 1, name)
  }
  assert.ok(await row('/inventory'))
  assert.equal(await row('/sku_id'), undefined)
  const same = '{"entity":{"type":"x","id":"1"},"action":"update","before":{"a":1},"after":{"a":1.0}}'
  await type('#change', same)
  assert.match(await page.textContent('#summary'), /Nothing changed/)
})

test('markup in a payload stays text', async () => {
  await type('#change', JSON.stringify({ entity: { type: 'x', id: '1' }, action: 'update', before: {}, after: { '<img src=x onerror=alert(1)>': '<b>hi</b>', title: '<i>x</i>' } }))
  assert.match((await row('/title'))[1], /<i>x<\/i>/)
  assert.equal(await page.$$eval('#fields img, #fields i, #fields b', (found) => found.length), 0)
})

test('the digest on the page is that of the file', async () => {
  const file = await readFile(new URL('../dist/guest.wasm', import.meta.url))
  assert.equal(await page.textContent('#digest'), createHash('sha256').update(file).digest('hex'))
})

test('nothing leaves the page: no request after it is loaded, none to anybody else', async () => {
  const loaded = requests.length
  await type('#policy', (await page.inputValue('#policy')).replace('"keep"', '"mask"'))
  await page.click('nav a[href="#verify"]')
  // The browser fetches the icon when it likes.
  assert.deepEqual(requests.slice(loaded).filter((url) => url !== `${server.url}icon.svg`), [])
  assert.ok(requests.every((url) => url.startsWith(server.url)), requests.join('\n'))
})

test('the keyboard reaches everything', async () => {
  const reached = []
  for (let presses = 0; presses < 12; presses++) {
    await page.keyboard.press('Tab')
    reached.push(await page.evaluate(() => document.activeElement.id || document.activeElement.textContent.trim()))
  }
  for (const stop of ['Skip to the panel', 'Preview a policy', 'Verify a record', 'policy', 'example', 'change', 'fields']) {
    assert.ok(reached.includes(stop), `${stop} is not among ${reached.join(', ')}`)
  }
})

test('a record of the golden log is verified, a changed one is not', async () => {
  const golden = (name) => readFile(new URL(`../../../tests/vectors/golden-log-257/${name}`, import.meta.url), 'utf8')
  const [lines, checkpoint, vkey] = [(await golden('entries/00000000000000000000.jsonl')).split('\n'), await golden('checkpoint'), await golden('log.vkey')]
  // The last of 257: the path to the root is the one hash of the 256 before it, in the golden log's own tile.
  const tile = await readFile(new URL('../../../tests/vectors/golden-log-257/tile/1/000.p/1', import.meta.url))
  const proof = `c2sp.org/tlog-proof@v1\nindex 256\n${tile.toString('base64')}\n\n${checkpoint}`

  await page.click('nav a[href="#verify"]')
  await page.fill('#line', lines[256] + '\n')
  await page.fill('#proof', proof)
  await page.fill('#vkey', vkey)
  await page.click('#verify-form button')
  await page.waitForSelector('h3.passed')
  assert.match(await page.textContent('#verdict'), /record 256 of sealtrail\.test\/log1.*257 records/)
  assert.equal(await page.$$eval('.checks .passed', (found) => found.length), 4)

  await page.fill('#line', lines[255])
  await page.click('#verify-form button')
  await page.waitForSelector('h3.failed')
  assert.deepEqual(await page.$$eval('.checks .badge', (found) => found.map(({ textContent }) => textContent)), ['passed', 'passed', 'passed', 'failed'])

  await page.fill('#vkey', 'no key')
  await page.click('#verify-form button')
  await page.waitForSelector('.badge.not-checked')
  assert.equal(await page.$$eval('.checks .failed', (found) => found.length), 1)
})
