import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { after, before, beforeEach, test } from 'node:test'
import { inBrowser } from './browser.js'
import { startPageServer } from './page-server.js'

const here = inBrowser()
let server
before(async () => (server = await startPageServer()))
after(() => server?.stop())
beforeEach(() => here.open(server.url))

test('the example is previewed at once, every field with its treatment and its rule', async () => {
  const { page, row } = here
  const title = await row('/title')
  assert.deepEqual([title.treatment, title.why], ['kept', 'A rule names it rules[0] $.title'])
  const email = await row('/customer/email')
  assert.match(email.given, /before "ada@example\.com" after "ada@example\.org"/)
  assert.match(email.stored, /before st1\.\d+\.[\w-]{8}… after st1\.\d+\.[\w-]{8}…/)
  assert.equal(email.treatment, 'sealed')
  assert.match(email.stored, /group contact key of customer\/3 retention standard-7y key ids k_preview, t_standard-7y\.preview$/)
  assert.match((await row('/customer/phone')).stored, /\*{3}/)
  assert.match((await row('/session')).stored, /not stored/)
  assert.match((await row('/ledger')).given, /12345678901234567890123 after 12345678901234567890124/)
  assert.equal((await row('/ledger')).why, 'No rule names it default')
  assert.match((await row('/data/request/ip')).stored, /group network/)
  assert.equal(await row('/updated_at'), undefined)
  await page.click('#record-details summary')
  await page.waitForFunction(() => document.getElementById('record').textContent !== '')
  const record = await page.textContent('#record')
  assert.doesNotMatch(record, /ada@example|s-1|203\.0\.113/)
  assert.match(record, /"correlationid": "a20e389c-134b-40e7-9827-1c94eb895412"/)
})

test('words that differ are marked, on both sides and not by colour alone', async () => {
  const marks = await here.page.$$eval('#fields tbody tr', (trs) => {
    const title = trs.find((tr) => tr.querySelector('.path')?.textContent === '/title')
    return [...title.querySelectorAll('del, ins')].map((mark) => [mark.localName, mark.textContent, getComputedStyle(mark).textDecorationLine])
  })
  const once = [['del', '6gb', 'line-through'], ['ins', '4gb', 'underline']]
  assert.deepEqual(marks, [...once, ...once])
})

test('typing in the policy changes what would be stored', async () => {
  const policy = await here.textOf('policy')
  await here.type('policy', policy.replace('"$.title", "action": "keep"', '"$.title", "action": "drop"'))
  assert.match((await here.row('/title')).stored, /not stored/)
  assert.match(await here.page.textContent('#summary'), /2 dropped/)
})

test('a treatment and a path are filters', async () => {
  const { page, rows } = here
  const all = (await rows()).length
  await page.click('.treatment.of-seal')
  await page.waitForFunction((all) => document.querySelectorAll('#fields tbody tr:not(.group)').length < all, all)
  assert.deepEqual([...new Set((await rows()).map(({ treatment }) => treatment))], ['sealed'])
  await page.fill('#find', 'EMAIL')
  await page.waitForFunction(() => document.querySelectorAll('#fields tbody tr:not(.group)').length === 2)
  assert.deepEqual((await rows()).map(({ path }) => path), ['/customer/email', '/data/actor/email'])
  await page.click('text=Show all')
  await page.waitForFunction((all) => document.querySelectorAll('#fields tbody tr:not(.group)').length === all, all)
})

test('the rule that decided is one click away', async () => {
  const { page } = here
  await page.click('text=rules[3] $.customer.phone')
  const selected = await page.evaluate(() => document.querySelector('#policy .code').shadowRoot.getSelection().toString())
  assert.equal(selected, '{ "select": "$.customer.phone", "action": "mask", "mask": { "last": 3 } }')
  assert.ok(await page.evaluate(() => document.querySelector('#policy .code').shadowRoot.activeElement !== null))
})

test('an error says line and column, goes there, and keeps the last preview', async () => {
  const { page, type, textOf, rows } = here
  const before = await rows()
  const change = await textOf('change')
  await type('change', change.replace('"inventory": 1,', '"inventory": x,'))
  const note = await page.textContent('#change-note')
  assert.match(note, /Error: .*line 6, column 18/)
  assert.equal(await page.getAttribute('#change .cm-content', 'aria-invalid'), 'true')
  assert.deepEqual((await rows()).length, before.length)
  await page.click('#change-note button')
  const selected = await page.evaluate(() => document.querySelector('#change .code').shadowRoot.getSelection().toString())
  assert.equal(selected, 'x')

  await type('change', change)
  assert.equal(await page.getAttribute('#change .cm-content', 'aria-invalid'), null)
  await type('policy', '{"id":"p","version":"1","default":"keep",\n"rules":[{"select":"$.[","action":"keep"}]}')
  const wrong = await page.textContent('#policy-note')
  assert.match(wrong, /Error: .*is no selector/)
  assert.match(wrong, /Go to line 2, column 20/)
})

test('what lint finds leads to its rule', async () => {
  const { page, type } = here
  await type('policy', '{"id":"p","version":"1","default":"keep","rules":[\n{"select":"$.customer","action":"keep"},\n{"select":"$.customer.email","action":"seal"}]}')
  await page.waitForSelector('.finding-error')
  assert.match(await page.textContent('.finding-error'), /error.*rules\[0\]/)
  await page.click('.finding-error button')
  const selected = await page.evaluate(() => document.querySelector('#policy .code').shadowRoot.getSelection().toString())
  assert.match(selected, /\$\.customer\.email/)
  assert.equal(await page.locator('#policy .marked-error').count(), 1)
})

test('what was marked is marked again where it was taken out and put back', async () => {
  const { page, type } = here
  const policy = '{"id":"p","version":"1","default":"keep","rules":[\n{"select":"$.customer","action":"keep"},\n{"select":"$.customer.email","action":"seal"}]}'
  await type('policy', policy)
  await page.waitForSelector('#policy .marked-error')
  const editor = page.locator('#policy .cm-content')
  await editor.fill('{}')
  await editor.fill(policy)
  assert.equal(await page.locator('#policy .marked-error').count(), 0)
  await page.waitForSelector('#policy .marked-error')
  await here.answered()
})

test('what is found is said field by field, and all of it can be shown', async () => {
  const { page, type } = here
  await type('policy', '{"id":"p","version":"1","default":"keep","rules":[]}')
  await page.waitForSelector('.finding-warning')
  assert.match(await page.textContent('.finding-warning'), /^ ?warning \/\w+ no rule names it/)
  const [, all] = /Show all (\d+)/.exec(await page.textContent('.findings .show-all')) ?? []
  assert.equal(await page.locator('.finding').count(), 8)
  await page.click('.findings .show-all button')
  assert.equal(await page.locator('.finding').count(), Number(all))
})

test('what the default of the context decides is not said to be the default of the policy', async () => {
  await here.type('policy', '{"id":"p","version":"1","default":"keep"}')
  const email = await here.row('/data/actor/email')
  assert.deepEqual([email.treatment, email.why], ['sealed', 'No rule of the context names it sealed, as long as the policy has no context_default'])
  await here.type('policy', '{"id":"p","version":"1","default":"keep",\n"context_default":"drop"}')
  assert.deepEqual((await here.row('/data/actor/email')).why, 'No rule of the context names it context_default')
  await here.page.click('text=context_default')
  assert.equal(await here.page.evaluate(() => document.querySelector('#policy .code').shadowRoot.getSelection().toString()), '"drop"')
})

test('every example previews, and what is the same is not stored', async () => {
  const { page, rows, row, type } = here
  const names = await page.$$eval('#example option', (options) => options.map(({ value }) => value))
  assert.ok(names.length >= 4)
  for (const name of names) {
    await page.selectOption('#example', name)
    await here.answered()
    assert.ok((await rows()).length > 1, name)
    assert.equal(await page.locator('.problem').count(), 0, name)
  }
  await page.selectOption('#example', 'keys in many spellings')
  await here.answered()
  assert.ok(await row('/inventory'))
  assert.equal(await row('/sku_id'), undefined)
  const same = '{"entity":{"type":"x","id":"1"},"action":"update","before":{"a":1},"after":{"a":1.0}}'
  await type('change', same)
  assert.match(await page.textContent('#summary'), /Nothing changed/)
})

test('markup in a payload stays text', async () => {
  const change = { entity: { type: 'x', id: '1' }, action: 'update', before: {}, after: { '<img src=x onerror=alert(1)>': '<b>hi</b>', title: '<i>x</i>' } }
  await here.type('change', JSON.stringify(change))
  assert.match((await here.row('/title')).given, /<i>x<\/i>/)
  assert.equal(await here.page.$$eval('#fields img, #fields i, #fields b', (found) => found.length), 0)
})

test('over plain http from elsewhere it works too, and says why it has no digest', async () => {
  await here.open(server.url.replace('127.0.0.1', 'plain.example'))
  assert.equal((await here.row('/customer/email')).treatment, 'sealed')
  assert.match(await here.page.textContent('#digest'), /^not computed: .*sha256sum/)
})

test('keys move and delete as in any text', async () => {
  const { page } = here
  const content = page.locator('#policy .cm-content')
  await content.fill('{"a": 1}\n  x👩‍🚀é')
  await content.focus()
  const press = async (...keys) => {
    for (const key of keys) await page.keyboard.press(key)
    return here.textOf('policy')
  }
  assert.equal(await press('Control+End', 'Backspace', 'Backspace'), '{"a": 1}\n  x')
  assert.equal(await press('Enter', 'y'), '{"a": 1}\n  x\n  y')
  assert.equal(await press('Home', 'Home', 'Backspace'), '{"a": 1}\n  x  y')
  assert.equal(await press('Control+Home', 'Backspace', 'Delete', 'Shift+End', 'Delete', 'Delete'), '  x  y')
  assert.equal(await press('Control+a', 'Backspace', 'Backspace', 'Delete'), '')
  assert.match(await press('Control+z', 'Control+z'), /x/)
})

test('the keys are thrown away, and the page says so', async () => {
  assert.match(await here.page.innerText('.throwaway'), /throw-away keys .* nobody can open these values/s)
  const sealed = async () => (await here.row('/customer/email')).stored
  const before = await sealed()
  await here.type('policy', `${await here.textOf('policy')} `)
  assert.notEqual(await sealed(), before, 'other keys')
})

test('the core runs in the worker, and never in the page', async () => {
  const { page } = here
  await page.addInitScript(() => {
    for (const name of ['compile', 'compileStreaming', 'instantiate', 'instantiateStreaming', 'Module', 'Instance']) {
      WebAssembly[name] = () => { throw new Error('the core holds up the page') }
    }
  })
  await here.open(server.url)
  assert.equal((await here.row('/customer/email')).treatment, 'sealed')
  assert.equal(page.workers().length, 1)
})

test('the digest on the page is that of the file', async () => {
  const file = await readFile(new URL('../dist/guest.wasm', import.meta.url))
  assert.equal(await here.page.textContent('#digest'), createHash('sha256').update(file).digest('hex'))
})
