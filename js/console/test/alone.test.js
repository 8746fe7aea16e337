import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { inBrowser } from './browser.js'
import { startPageServer } from './page-server.js'

const here = inBrowser()
let server
before(async () => (server = await startPageServer()))
after(() => server?.stop())

const oneFile = new URL('../dist/sealtrail-console.html', import.meta.url)
const CHANGE = '{"entity":{"type":"x","id":"1"},"action":"update","before":{"title":"very private"},"after":{"title":"more private"}}'

/** What somebody does with the page, all of it without a request. */
async function use() {
  const { page, type, drop } = here
  await type('policy', (await here.textOf('policy')).replace('"keep"', '"mask"'))
  await drop('#change .cm-content', [{ name: 'change.json', text: CHANGE }])
  await page.waitForFunction(() => document.querySelector('#fields')?.textContent.includes('very private'))
  await page.click('.treatment:not([disabled])')
  await page.click('#record-details summary')
  await page.click('text=Share')
  await page.waitForSelector('.share')
  await page.click('text=Before and after')
  await page.waitForSelector('#after .cm-content')
  await type('after', '{"title":"private"}')
}

test('nothing leaves the page: no request after it is loaded, none to anybody else', async () => {
  await here.open(server.url)
  await here.page.waitForLoadState('networkidle')
  const loaded = here.requests.filter((url) => !url.startsWith('blob:')).length
  await use()
  await here.page.waitForTimeout(300)
  const since = () => here.requests.filter((url) => !url.startsWith('blob:')).slice(loaded)
  // The browser fetches the icon when it likes.
  assert.deepEqual(since().filter((url) => !url.endsWith('.svg')), [])
  // The panel and the check of proofs are loaded when they are wanted, and then check without a request.
  await here.page.click('nav a[href="#verify"]')
  await here.page.click('text=Try an example')
  await here.page.waitForSelector('h2.passed')
  const names = since().filter((url) => !url.endsWith('.svg')).map((url) => url.slice(server.url.length).replace(/-[\w-]{8}\.js$/, '.js'))
  assert.deepEqual(names, ['assets/panel.js', 'proof.wasm'])
  const others = here.requests.filter((url) => !url.startsWith(server.url) && !url.startsWith(`blob:${new URL(server.url).origin}`))
  assert.deepEqual(others, [])
})

test('the policy of the page refuses what a script would send, from the page and from its worker', async () => {
  let visits = 0
  const stranger = createServer((_, response) => response.end(String(++visits))).listen(0, '127.0.0.1')
  await once(stranger, 'listening')
  await here.open(server.url)
  const refused = await here.page.evaluate(async (stranger) => {
    const attempts = {
      fetch: () => fetch(stranger).then(() => 'sent', () => 'refused'),
      beacon: async () => (navigator.sendBeacon(stranger, 'x'), 'asked'),
      image: () => new Promise((done) => Object.assign(new Image(), { onload: () => done('sent'), onerror: () => done('refused'), src: `${stranger}x.png` })),
      worker: () =>
        new Promise((done) => {
          const text = `fetch("${stranger}").then(() => postMessage("sent"), () => postMessage("refused"))`
          const worker = new Worker(URL.createObjectURL(new Blob([text])))
          worker.onmessage = ({ data }) => done(data)
        }),
    }
    const outcomes = {}
    for (const [name, attempt] of Object.entries(attempts)) outcomes[name] = await attempt()
    return outcomes
  }, `http://127.0.0.1:${stranger.address().port}/`)
  assert.deepEqual(refused, { fetch: 'refused', beacon: 'asked', image: 'refused', worker: 'refused' })
  // It is the policy that refused each of them, before any request.
  assert.ok(here.complaints.filter((text) => text.includes('Content Security Policy')).length >= 4, here.complaints.join('\n'))
  here.complaints.length = 0
  stranger.close()
  assert.equal(visits, 0)
})

test('as one file it runs from a folder, offline, with no request at all', async () => {
  await here.context.setOffline(true)
  await here.open(oneFile.href)
  await use()
  await here.page.click('nav a[href="#verify"]')
  await here.page.click('text=Try an example')
  await here.page.waitForSelector('h2.passed')
  assert.deepEqual(here.requests.filter((url) => !/^(blob|data):/.test(url)), [oneFile.href])
  const served = await readFile(oneFile, 'utf8')
  // Where the file lies is not said to whoever gets the link.
  await here.page.click('nav a[href="#preview"]')
  await here.page.click('text=Share')
  await here.page.waitForSelector('.share >> text=It goes behind the address of this page')
  assert.match(await here.page.inputValue('.share input'), /^#policy=[\w-]+$/)
  assert.match(served, /content="default-src 'none'/)
  assert.doesNotMatch(served, /connect-src/)
})

test('both forms run the same core', async () => {
  await here.open(oneFile.href)
  const digest = await here.page.textContent('#digest')
  assert.match(digest, /^[0-9a-f]{64}$/)
  await here.open(server.url)
  assert.equal(await here.page.textContent('#digest'), digest)
})
