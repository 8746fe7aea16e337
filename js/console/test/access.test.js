import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { newWitness } from '../../sealtrail/test/witness.js'
import { inBrowser } from './browser.js'
import { startPageServer } from './page-server.js'

const here = inBrowser()
let server, axe
before(async () => {
  server = await startPageServer()
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
})
after(() => server?.stop())

async function violations() {
  // By the debugger, which no Content-Security-Policy keeps out.
  await here.page.evaluate(axe)
  const { violations } = await here.page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }))
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${target.flat().join(' ')}: ${failureSummary}`))
}

const WIDTHS = [390, 820, 1440]

/** One record, and nothing that proves it. */
const MANIFEST = { format: 'sealtrail bundle 1', origin: 'shop.example/audit', size: 1, root: 'HdrG7YC4dQ541EDYLBPCVpxdFPZcekxJUv5oyI2nmoM=', records: [{ index: 0, id: null }], erasures: [] }
const BUNDLE = [
  { name: 'manifest.json', text: JSON.stringify(MANIFEST) },
  { name: 'records.ndjson', text: '{}\n' },
  { name: 'erasures.ndjson', text: '' },
  { name: 'checkpoint', text: 'none\n' },
  { name: '0.tlog-proof', text: 'none\n' },
]

for (const colorScheme of ['light', 'dark']) {
  test(`axe finds nothing in ${colorScheme}, at any width`, async () => {
    const { page } = here
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 900 })
      await here.open(server.url)
      await page.waitForSelector('.findings')
      assert.deepEqual(await violations(), [], `preview, ${width}`)
      await page.click('nav a[href="#verify"]')
      await page.waitForSelector('#verify-title')
      assert.deepEqual(await violations(), [], `verify, ${width}`)
      await page.click('text=Try an example')
      await page.waitForSelector('h2.passed')
      assert.deepEqual(await violations(), [], `verified, ${width}`)
      await page.fill('#witnessPolicy', 'quorum none\n')
      await page.waitForSelector('#verdict >> text=cosigned by none of the witnesses')
      assert.deepEqual(await violations(), [], `verified by a witness policy, ${width}`)
      await page.fill('#witnessPolicy', `witness w ${newWitness('w.example').vkey}\nquorum w\n`)
      await page.waitForSelector('#verdict >> text=the quorum is not met')
      assert.deepEqual(await violations(), [], `not cosigned, ${width}`)
      await page.fill('#vkey', 'none')
      await page.waitForSelector('#verdict >> text=expected `<name>')
      assert.deepEqual(await violations(), [], `not verified, ${width}`)
      await here.drop('#line', BUNDLE)
      await page.fill('#witnessPolicy', 'quorum w\n')
      await page.waitForSelector('#verdict >> text=malformed witness policy: line 1')
      assert.match(await page.textContent('#verdict'), /1 of 1 line failed/)
      assert.deepEqual(await violations(), [], `a bundle, ${width}`)
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0, `nothing is out of sight, ${width}`)
    }
  })
}

test('axe finds nothing beside errors, findings, filters and two images', async () => {
  const { page, type } = here
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await here.open(server.url)
  await page.click('.treatment.of-seal')
  await page.click('#record-details summary')
  await page.click('text=Share')
  await type('policy', '{"id":"p","version":"1","default":"keep","rules":[{"select":"$.customer","action":"keep"},{"select":"$.customer.email","action":"seal"}]}')
  await page.waitForSelector('.finding-error')
  assert.deepEqual(await violations(), [])
  await type('change', '{')
  await page.waitForSelector('#change-note .problem')
  assert.deepEqual(await violations(), [])
  await page.click('text=Before and after')
  await page.waitForSelector('#before .cm-content')
  assert.deepEqual(await violations(), [])
})

test('the keyboard reaches everything, and leaves the editors again', async () => {
  const { page } = here
  await here.open(server.url)
  const reached = []
  for (let presses = 0; presses < 40; presses++) {
    await page.keyboard.press('Tab')
    reached.push(
      await page.evaluate(() => {
        const { activeElement } = document
        const inside = activeElement.shadowRoot?.activeElement
        return inside?.ariaLabel ?? (activeElement.id || activeElement.ariaLabel || activeElement.value || activeElement.textContent.trim())
      }),
    )
  }
  const stops = ['Skip to the panel', 'Preview a policy', 'Verify a record', 'system', 'example', 'Open a policy', 'Policy', 'Change', 'find', 'rules[0] $.title']
  assert.deepEqual(stops.filter((stop) => !reached.includes(stop)), [], reached.join(', '))
})

test('the switch changes the colours, and the choice is kept', async () => {
  const { page } = here
  await page.emulateMedia({ colorScheme: 'light' })
  await here.open(server.url)
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
  const light = await ground()
  await page.check('input[value="dark"]', { force: true })
  const dark = await ground()
  assert.notEqual(dark, light)
  await here.open(server.url)
  assert.equal(await ground(), dark)
  await page.check('input[value="system"]', { force: true })
  assert.equal(await ground(), light)
})
