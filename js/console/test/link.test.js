import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { linkOf, LONGEST_LINK, policyOf } from '../page/preview/share.js'
import { inBrowser } from './browser.js'
import { startPageServer } from './page-server.js'

const POLICY = '{"id":"linked","version":"9","default":"drop","rules":[{"select":"$.title","action":"keep"}]}'

describe('links', () => {
  test('a link gives back the policy, letter by letter', async () => {
    for (const text of [POLICY, '', 'not even JSON ✓ \u{1F511}\n']) assert.equal(await policyOf(await linkOf(text)), text)
    assert.equal(await policyOf('#verify'), undefined)
  })

  test('what is too long to travel is refused', async () => {
    const noise = Array.from({ length: 9000 }, (_, i) => ((i * 2654435761) % 4294967296).toString(36)).join('')
    await assert.rejects(linkOf(noise), /8000 are the most/)
    await assert.rejects(linkOf('x'.repeat(70_000_000)), /the policy/)
  })

  test('what is damaged, or made to swell, is refused', async () => {
    const link = await linkOf(POLICY)
    const bomb = await linkOf(' '.repeat(1 << 20))
    assert.ok(bomb.length < LONGEST_LINK)
    for (const wrong of [link.slice(0, -9), '#policy=%%%', '#policy=AAAA', `${link}${'A'.repeat(LONGEST_LINK)}`, bomb]) {
      await assert.rejects(policyOf(wrong), /cannot be read/, wrong.slice(0, 40))
    }
  })
})

describe('in the page', () => {
  const here = inBrowser()
  let server
  before(async () => (server = await startPageServer()))
  after(() => server?.stop())

  test('a link opens its policy, beside an example', async () => {
    await here.open(server.url + (await linkOf(POLICY)))
    await here.page.waitForSelector('.notice')
    await here.answered()
    assert.equal(await here.textOf('policy'), POLICY)
    assert.deepEqual((await here.row('/title')).treatment, 'kept')
    assert.deepEqual((await here.row('/inventory')).treatment, 'dropped')
  })

  test('who comes back to a link finds the policy as he left it, and what he opens did not come with the link', async () => {
    const { page } = here
    await here.open(server.url + (await linkOf(POLICY)))
    await page.waitForSelector('.notice')
    const edited = POLICY.replace('"drop"', '"mask"')
    await here.type('policy', edited)
    await page.click('nav a[href="#verify"]')
    await page.waitForSelector('#verify-title')
    await page.evaluate(() => {
      const root = document.querySelector('#policy .code').shadowRoot
      globalThis.seen = ''
      new MutationObserver(() => (seen += root.textContent)).observe(root, { subtree: true, childList: true, characterData: true })
    })
    await page.goBack()
    await page.waitForFunction(() => location.hash.startsWith('#policy='))
    // Links are read one after another: when the other one was taken, so was what there was of the first.
    const other = POLICY.replace('linked', 'other')
    await page.evaluate((hash) => (location.hash = hash), await linkOf(other))
    await page.waitForFunction((text) => document.querySelector('#policy .code').shadowRoot.textContent.includes(text), '"other"')
    assert.equal(await here.textOf('policy'), other)
    assert.doesNotMatch(await page.evaluate(() => seen), /linked.*"drop"/)
    await here.drop('#policy .cm-content', [{ name: 'policy.json', text: POLICY }])
    await page.waitForSelector('.notice', { state: 'detached' })
  })

  test('the link that is made carries the policy and nothing of the payload', async () => {
    const { page } = here
    await here.open(`${server.url}?from=a-mail`)
    await here.type('policy', POLICY)
    await here.type('change', '{"entity":{"type":"x","id":"canary"},"action":"update","before":{"title":"canary"},"after":{"title":"b"}}')
    await page.click('text=Share')
    const shared = await page.inputValue('.share input')
    const [address, carried] = shared.split('#')
    assert.equal(address, server.url)
    assert.match(carried, /^policy=[\w-]+$/)
    // To the last byte: what is behind the end of what was deflated would be refused.
    assert.equal(await policyOf(`#${carried}`), POLICY)
    // Another payload, the same link.
    await page.click('text=Before and after')
    await page.waitForSelector('#after .cm-content')
    await here.type('after', '{"title":"another canary"}')
    await page.click('.share button')
    await page.click('text=Share')
    assert.equal(await page.inputValue('.share input'), shared)
  })

  test('a damaged link is told, and the page works', async () => {
    await here.open(`${server.url}#policy=AAAA`)
    await here.page.waitForSelector('text=Not taken: the link carries a policy that cannot be read')
    assert.ok(await here.row('/title'))
  })
})
