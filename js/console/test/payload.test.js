import assert from 'node:assert/strict'
import { after, before, beforeEach, test } from 'node:test'
import { inBrowser } from './browser.js'
import { startPageServer } from './page-server.js'

const here = inBrowser()
let server
before(async () => (server = await startPageServer()))
after(() => server?.stop())
beforeEach(() => here.open(server.url))

const POLICY = '{"id":"p","version":"1","default":"seal","rules":[{"select":"$.title","action":"keep"}]}'

test('a dropped change and a dropped policy take the place of what was there', async () => {
  await here.drop('#policy .cm-content', [{ name: 'policy.json', text: POLICY }])
  await here.drop('#change .cm-content', [
    { name: 'change.json', text: '{"entity":{"type":"x","id":"1"},"action":"update","before":{"title":"a","n":1},"after":{"title":"b","n":2}}' },
  ])
  await here.page.waitForFunction(() => document.querySelectorAll('#fields tbody tr:not(.group)').length === 2)
  assert.equal(await here.textOf('policy'), POLICY)
  assert.deepEqual((await here.rows()).map(({ path, treatment }) => [path, treatment]), [['/title', 'kept'], ['/n', 'sealed']])
})

test('what is pasted is previewed', async () => {
  await here.type('policy', POLICY)
  const text = '{"entity":{"type":"x","id":"1"},"action":"update",\n"before":{"title":"a","n":1},"after":{"title":"pasted","n":2}}'
  await here.page.locator('#change .cm-content').press('Control+a')
  await here.page.locator('#change .cm-content').evaluate((content, text) => {
    const clipboardData = new DataTransfer()
    clipboardData.setData('text/plain', text)
    content.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true, composed: true }))
  }, text)
  await here.page.waitForFunction(() => document.querySelector('#fields')?.textContent.includes('pasted'))
  await here.answered()
  assert.equal(await here.textOf('change'), text)
  assert.deepEqual((await here.rows()).map(({ path, treatment }) => [path, treatment]), [['/title', 'kept'], ['/n', 'sealed']])
})

test('a before and an after are dropped together, in either order', async () => {
  await here.type('policy', POLICY)
  const files = [{ name: 'customer-after.json', text: '{"title":"b"}' }, { name: 'customer-before.json', text: '{"title":"a"}' }]
  await here.drop('#change .cm-content', files)
  await here.page.waitForSelector('#before .cm-content')
  await here.answered()
  assert.deepEqual([await here.textOf('before'), await here.textOf('after')], ['{"title":"a"}', '{"title":"b"}'])
  assert.match((await here.row('/title')).given, /before "a" after "b"/)
})

test('an error of an image says its line and column in that image', async () => {
  const { page, type } = here
  await page.click('text=Before and after')
  await page.waitForSelector('#before .cm-content')
  await type('before', '{\n  "a": 1\n}')
  await type('after', '{\n  "a": 2,\n  "b": x\n}')
  assert.match(await page.textContent('#after-note'), /Error: after: .*line 3, column 8/)
  // What closes the image early would otherwise be read as a part of the change.
  await type('after', '{"a": 2}, "action": "delete"')
  assert.match(await page.textContent('#after-note'), /Error: .*line 1, column 9/)
  // Found by the core in the change as a whole, and said of the image.
  await type('after', '{\n  "a": 2,\n  "a": 3\n}')
  assert.match(await page.textContent('#after-note'), /line 3, column 3/)
  assert.equal(await page.textContent('#before-note'), '')
})

test('an error of what is JSON says its line and column too, or stands beside its field', async () => {
  const { page, type } = here
  await type('change', '{"entity":{"type":"x","id":"1"},\n  "action": "archive", "before":{}, "after":{"a":1}}')
  assert.match(await page.textContent('#change-note'), /`\/action` must be one of .* Go to line 2, column 13$/)
  await page.click('#change-note button')
  const selected = () => page.evaluate(() => document.querySelector('#change .code').shadowRoot.getSelection().toString())
  assert.equal(await selected(), '"archive"')
  await type('change', '{"entity":\n{"type":"x"},"action":"update","before":{},"after":{"a":1}}')
  assert.match(await page.textContent('#change-note'), /`\/entity\/id` is missing Go to line 2, column 1$/)

  await page.click('text=Before and after')
  await page.waitForSelector('#before .cm-content')
  await type('before', '{"a":1}')
  await type('after', '{"a":2}')
  await page.fill('.entity input >> nth=0', 'a/b')
  await page.waitForSelector('#entity-note >> text=`/entity/type` must be a text without `/`')
  assert.deepEqual(await page.$$eval('.entity input, .entity select', (fields) => fields.map((field) => field.ariaInvalid)), ['true', null, null])
  await page.fill('.entity input >> nth=0', 'x')
  await here.answered()
  assert.equal(await page.textContent('#entity-note'), '')
  await type('after', '')
  await page.selectOption('.entity select', 'create')
  await type('before', '')
  assert.match(await page.textContent('#after-note'), /`\/after` is missing/)
  assert.equal(await page.textContent('#before-note'), '')
})

test('a change that stands there is taken apart into its two images, as they are written', async () => {
  const { page, textOf, row } = here
  await page.click('text=Before and after')
  await page.waitForSelector('#after .cm-content')
  await here.answered()
  assert.match(await textOf('before'), /^\{\n  "title": .*\n  "inventory": 1,\n  "ledger": 12345678901234567890123,[^]*\n\}$/)
  assert.match(await textOf('after'), /"ledger": 12345678901234567890124,/)
  assert.deepEqual(await page.$$eval('.entity input, .entity select', (fields) => fields.map(({ value }) => value)), ['order', '1007', 'update'])
  assert.match((await row('/customer/email')).given, /before "ada@example\.com" after "ada@example\.org"/)
  assert.equal(await page.locator('.problem').count(), 0)
  // What stands there already stays.
  await here.type('after', '{"title":"b"}')
  await page.click('text=Change >> nth=0')
  await page.click('text=Before and after')
  await page.waitForSelector('#after .cm-content')
  assert.equal(await textOf('after'), '{"title":"b"}')
})

test('an empty side is an entity that is not there, or one that nobody knows', async () => {
  const { page, type, row } = here
  await type('policy', POLICY)
  await page.click('text=Before and after')
  await page.waitForSelector('#after .cm-content')
  await type('before', '')
  await type('after', '{"title":"b"}')
  const unknown = await row('/data/after/title')
  assert.match(unknown.given, /"b"/)
  await page.selectOption('.entity select', 'create')
  await here.answered()
  assert.match((await row('/title')).given, /after "b"/)
})

test('an entity that is no change can be taken as one image of it', async () => {
  const { page, type, textOf } = here
  await type('change', '{"title":"b"}')
  assert.match(await page.textContent('#change-note'), /a change does not know `title`/)
  await page.click('text=Take it as the image after the change')
  await page.waitForSelector('#after .cm-content')
  await here.answered()
  assert.equal(await textOf('after'), '{"title":"b"}')
  assert.ok(await here.row('/data/after/title'))
})

test('what is no text, and what is too much, is refused with its name', async () => {
  const { page } = here
  const transfer = await page.evaluateHandle(() => {
    const transfer = new DataTransfer()
    transfer.items.add(new File([new Uint8Array([0xff, 0xfe, 0x00])], 'photo.png'))
    return transfer
  })
  await page.dispatchEvent('#change .cm-content', 'drop', { dataTransfer: transfer })
  await page.waitForSelector('text=photo.png is no text in UTF-8')
  const three = ['a', 'b', 'c'].map((name) => ({ name, text: '{}' }))
  await here.drop('#change .cm-content', three)
  await page.waitForSelector('text=3 files are too many')
})

test('a megabyte is previewed, and the page draws a part of its fields', async () => {
  const { page } = here
  const items = (n) => Array.from({ length: 6000 }, (_, i) => ({ id: i, name: `item ${i} with a name of some words`, price: i % n, note: 'x'.repeat(60) }))
  const change = { entity: { type: 'order', id: '1' }, action: 'update', before: { items: items(7) }, after: { items: items(11) } }
  const text = JSON.stringify(change)
  assert.ok(text.length > 1_000_000)
  await here.drop('#change .cm-content', [{ name: 'large.json', text }])
  await page.waitForFunction(() => document.querySelector('.more')?.textContent.includes('25 of'), undefined, { timeout: 30_000 })
  assert.equal((await here.rows()).length, 25)
  await page.click('.more button')
  await page.waitForFunction(() => document.querySelectorAll('#fields tbody tr:not(.group)').length === 50)
  await page.fill('#find', '/items/5999/price')
  await page.waitForFunction(() => document.querySelectorAll('#fields tbody tr:not(.group)').length === 1)
  // One long line, and the editor has only a part of it in the page.
  assert.ok(await page.$eval('#change .cm-content', (content) => content.textContent.length < 200_000))
})
