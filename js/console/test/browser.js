import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach } from 'node:test'
import { chromium } from 'playwright-core'

const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--host-resolver-rules=MAP plain.example 127.0.0.1',
]

/**
 * One browser for the tests of a file, and for each test a context and a `page` of its own. What the page complains about
 * (errors, warnings, refusals of its Content-Security-Policy) fails the test.
 */
export function inBrowser() {
  const here = { complaints: [], requests: [] }
  before(async () => {
    here.browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS })
  })
  after(() => here.browser?.close())
  beforeEach(async () => {
    here.complaints.length = 0
    here.requests.length = 0
    here.context = await here.browser.newContext()
    await here.context.grantPermissions([])
    here.page = await here.context.newPage()
    here.page.on('pageerror', (error) => here.complaints.push(String(error)))
    here.page.on('console', (message) => ['error', 'warning'].includes(message.type()) && here.complaints.push(message.text()))
    here.context.on('request', (request) => here.requests.push(request.url()))
  })
  afterEach(async () => {
    await here.context.close()
    assert.deepEqual(here.complaints, [])
  })

  /** Opens the page, and waits until it has previewed something and its editors are there. */
  here.open = async (url) => {
    await here.page.goto(url)
    await here.page.waitForSelector('html[data-ready=true]')
    await here.page.waitForSelector('#policy .cm-content', { state: 'attached' })
    await here.answered()
  }

  /** The text of an editor; only what is near its window is in the page, so for short ones. */
  here.textOf = (id) => here.page.$eval(`#${id} .cm-content`, (content) => [...content.querySelectorAll('.cm-line')].map((line) => line.textContent).join('\n'))

  /** Types, and waits until the page has answered. */
  here.type = async (id, text) => {
    await here.page.locator(`#${id} .cm-content`).fill(text)
    await here.answered()
  }

  /** After something was changed: until the preview of it is shown, with all of its rows, which are drawn over some frames. */
  here.answered = () => here.page.waitForSelector('.outcome[aria-busy=false]:not(:has([aria-busy=true]))', { state: 'attached' })

  /** Drops files on an element, as somebody does with a mouse. */
  here.drop = async (selector, files) => {
    const transfer = await here.page.evaluateHandle((files) => {
      const transfer = new DataTransfer()
      for (const { name, text } of files) transfer.items.add(new File([text], name))
      return transfer
    }, files)
    await here.page.dispatchEvent(selector, 'drop', { dataTransfer: transfer })
  }

  /** Drops what is on this disk, folders too, as it comes from the system. */
  here.dropPaths = async (selector, files) => {
    const { x, y } = await here.page.locator(selector).boundingBox()
    const session = await here.context.newCDPSession(here.page)
    for (const type of ['dragEnter', 'dragOver', 'drop']) {
      await session.send('Input.dispatchDragEvent', { type, x: x + 5, y: y + 5, data: { items: [], files, dragOperationsMask: 1 } })
    }
    await session.detach()
  }

  /** The table of fields: path and treatment, what comes in, what would be stored, why. */
  here.rows = () =>
    here.page.$$eval('#fields tbody tr:not(.group)', (trs) =>
      trs.map((tr) => {
        const text = (element) => element.innerText.replaceAll('\n', ' ').replace(/ +/g, ' ').trim()
        const [head, given, stored, why] = [...tr.children].map(text)
        return { path: text(tr.querySelector('.path')), treatment: text(tr.querySelector('.badge')), head, given, stored, why }
      }),
    )
  here.row = async (path) => (await here.rows()).find((row) => row.path === path)
  return here
}
