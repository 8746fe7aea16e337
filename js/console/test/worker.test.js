import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { inBrowser } from './browser.js'
import { startPageServer } from './page-server.js'

const here = inBrowser()
let server
before(async () => (server = await startPageServer()))
after(() => server?.stop())

const failure = '.outcome > .problem'
/** What was thrown on purpose is complained about too. */
const dropCanaries = () => here.complaints.splice(0, Infinity, ...here.complaints.filter((text) => !text.includes('canary')))
const rowsShown = (count) => here.page.waitForFunction((count) => document.querySelectorAll('#fields tbody tr:not(.group)').length === count, count)

/** In the worker, before its own script: ends it where it is asked for what `endAt` says, before it answers. */
const MORTAL = `
  addEventListener('message', (event) => {
    const { asked, how } = globalThis.endAt ?? {}
    if (event.data.call !== asked) return
    event.stopImmediatePropagation()
    if (how === 'throws') throw new Error('canary')
    if (how === 'closes') close()
  });
`
const endAt = (asked, how) => here.page.workers()[0].evaluate((endAt) => (globalThis.endAt = endAt), { asked, how })

/** Opens the page, whose workers can be ended. */
async function openMortal() {
  await here.page.addInitScript((mortal) => {
    globalThis.Blob = class extends Blob {
      constructor(parts, options) {
        super([mortal, ...parts], options)
      }
    }
    globalThis.Worker = class extends Worker {
      constructor(...given) {
        super(...given)
        globalThis.latest = this
      }
      postMessage(...given) {
        super.postMessage(...given)
        globalThis.asked = given[0].call
      }
      terminate() {
        super.terminate()
        globalThis.ends = (globalThis.ends ?? 0) + 1
      }
    }
  }, MORTAL)
  await here.open(server.url)
}

for (const [how, said] of [['closes', /without saying why/], ['throws', /canary/]]) {
  test(`a worker that ${how} leaves nobody waiting: the page says so, and the next preview has another one`, async () => {
    await openMortal()
    const { page } = here
    const policy = await here.textOf('policy')
    const before = (await here.rows()).length
    for (const asked of ['preview', 'lint']) {
      await endAt(asked, how)
      await page.locator('#policy .cm-content').fill(policy.replace('"keep"', '"mask"'))
      assert.match(await page.textContent(failure), said)
      assert.equal(await page.getAttribute('.outcome', 'aria-busy'), 'false')
      assert.equal((await here.rows()).length, before)
      await here.type('policy', policy)
      assert.equal(await page.locator('.problem').count(), 0)
      assert.equal((await here.row('/title')).treatment, 'kept')
    }
    assert.equal(page.workers().length, 1)
    dropCanaries()
  })
}

test('what is asked about the last preview after its worker ended is answered by another preview', async () => {
  await openMortal()
  const { page } = here
  const all = (await here.rows()).length
  const end = async () => {
    const ends = await page.evaluate(() => globalThis.ends ?? 0)
    await page.workers()[0].evaluate(() => void setTimeout(close))
    await page.waitForFunction((ends) => globalThis.ends > ends, ends)
  }
  await end()
  await page.click('.treatment.of-seal')
  await page.waitForFunction((all) => document.querySelectorAll('#fields tbody tr:not(.group)').length < all, all)
  assert.deepEqual([...new Set((await here.rows()).map(({ treatment }) => treatment))], ['sealed'])
  await end()
  await page.click('#record-details summary')
  await page.waitForFunction(() => document.getElementById('record').textContent !== '')
  assert.equal(await page.locator('.problem').count(), 0)
})

test('an answer that cannot be read is told', async () => {
  await openMortal()
  const { page } = here
  await endAt('record', 'is silent')
  await page.click('#record-details summary')
  await page.waitForFunction(() => globalThis.asked === 'record')
  await page.evaluate(() => latest.dispatchEvent(new MessageEvent('messageerror')))
  await page.waitForSelector(failure)
  assert.match(await page.textContent(failure), /its answer cannot be read/)
})

test('a worker that could not be loaded is told, and tried again', async () => {
  await here.page.addInitScript(() => {
    const Real = Worker
    globalThis.Worker = function (_url, options) {
      globalThis.Worker = Real
      return new Real(URL.createObjectURL(new Blob(['throw new Error("canary")'])), options)
    }
  })
  const { page } = here
  await page.goto(server.url)
  await page.waitForSelector('main > .problem')
  assert.match(await page.textContent('main > .problem'), /could not be started: .*canary/)
  await page.selectOption('#example', 'keys in many spellings')
  await page.waitForSelector('html[data-ready=true]')
  await here.answered()
  assert.ok(await here.row('/inventory'))
  assert.equal(await page.locator('.problem').count(), 0)
  assert.match(await page.textContent('#digest'), /^[0-9a-f]{64}$/)
  dropCanaries()
})

const image = (n) => Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`field${i}`, i + n]))
const CHANGE = JSON.stringify({ entity: { type: 'x', id: '1' }, action: 'update', before: image(0), after: image(1) })

test('no row is left out, and none is there twice, where more are asked for beside a new preview or twice', async () => {
  await here.page.addInitScript(() => {
    const { postMessage } = Worker.prototype
    Worker.prototype.postMessage = function (message, ...more) {
      postMessage.call(this, message, ...more)
      // Pressed before the answer.
      if (message.call === globalThis.pressAt) document.querySelector('.more button').click()
    }
  })
  await here.open(server.url)
  const { page } = here
  const paths = async () => (await here.rows()).map(({ path }) => path)
  await here.type('change', CHANGE)
  await rowsShown(25)
  await page.click('.more button')
  await rowsShown(50)
  await page.evaluate(() => (globalThis.pressAt = 'preview'))
  await here.type('change', `${CHANGE} `)
  await rowsShown(25)
  await page.evaluate(() => (globalThis.pressAt = undefined))
  // Behind whatever the press has asked for.
  await page.click('.more button')
  await rowsShown(50)
  assert.deepEqual(await paths(), Array.from({ length: 50 }, (_, i) => `/field${i}`))

  await page.evaluate(() => {
    const button = document.querySelector('.more button')
    for (let press = 0; press < 2; press++) button.click()
  })
  // Answered behind both.
  await page.click('#record-details summary')
  await page.waitForFunction(() => document.getElementById('record').textContent !== '')
  await here.answered()
  assert.deepEqual(await paths(), Array.from({ length: 75 }, (_, i) => `/field${i}`))
})
