// node bench/page.mjs URL: the page of a sidecar in Chromium: how soon the first preview is there, what is transferred for
// it, and the longest frame and task while a megabyte is dropped, previewed and edited; prints figures as JSON. A task is in CPU
// time of the page's main thread, which neighbours on the machine do not make longer.
import { chromium } from 'playwright-core'

const url = process.argv[2]
const RUNS = 7
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync']
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS })
// The process of a renderer, and what a browser does once in its life, are not the page's.
await loads(1)
const first = await loads(RUNS)
const large = await largePreviews(RUNS)
await browser.close()
console.log(JSON.stringify({ first, large }))

/** Each in a context of its own, so that nothing is cached. */
async function loads(runs) {
  const found = []
  for (let run = 0; run < runs; run++) {
    const context = await browser.newContext()
    const page = await context.newPage()
    const transferred = await counted(page)
    await page.goto(url)
    await page.waitForFunction(() => performance.getEntriesByName('first-preview').length > 0)
    const ms = await page.evaluate(() => performance.getEntriesByName('first-preview')[0].startTime)
    const preview = transferred()
    await page.waitForSelector('#change .cm-content', { state: 'attached' })
    await page.waitForLoadState('networkidle')
    const editors = transferred()
    await page.click('nav a[href="#verify"]')
    await page.waitForFunction(() => performance.getEntriesByType('resource').some(({ name, responseEnd }) => name.endsWith('/proof.wasm') && responseEnd > 0))
    await page.waitForLoadState('networkidle')
    found.push({ ms, preview, editors, verify: transferred() })
    await context.close()
  }
  const middle = (name) => sorted(found.map((one) => one[name]))[Math.floor(runs / 2)]
  return { ms: middle('ms'), slowest: Math.max(...found.map(({ ms }) => ms)), preview: middle('preview'), editors: middle('editors'), verify: middle('verify') }
}

/** Bytes on the wire, heads and bodies as they were coded, of what has arrived. */
async function counted(page) {
  const session = await page.context().newCDPSession(page)
  await session.send('Network.enable')
  let bytes = 0
  session.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength))
  return () => bytes
}

async function largePreviews(runs) {
  const found = []
  for (let run = 0; run < runs; run++) {
    const page = await browser.newPage()
    await page.goto(url)
    await page.waitForSelector('#change .cm-content', { state: 'attached' })
    await page.waitForTimeout(1000)
    const text = await page.evaluateHandle((text) => text, megabyte())
    await browser.startTracing(page, { categories: ['toplevel'] })
    const frames = await page.evaluate(measure, text)
    found.push({ ...frames, task: longestTask(await browser.stopTracing()) })
    await page.close()
  }
  const middle = (name) => sorted(found.map((one) => one[name]))[Math.floor(runs / 2)]
  return Object.fromEntries(['idle', 'drop', 'type', 'task', 'dropMs', 'typeMs'].map((name) => [name, middle(name)]))
}

/** Milliseconds of CPU of the longest task of any page's main thread; what the debugger asks for is none of the page's. */
function longestTask(trace) {
  const { traceEvents } = JSON.parse(trace)
  const isMain = new Set(traceEvents.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain').map(({ pid, tid }) => `${pid} ${tid}`))
  const tasks = traceEvents.filter(({ name, pid, tid, tdur, args }) => name.endsWith('RunTask') && tdur && isMain.has(`${pid} ${tid}`) && !/ipc/.test(args.src_file ?? 'ipc'))
  return Math.max(0, ...tasks.map(({ tdur }) => tdur / 1000))
}

/** A change of two images of half a megabyte, indented, of which every item has a changed field. */
function megabyte() {
  const items = (n) => Array.from({ length: 3200 }, (_, i) => ({ id: i, name: `item ${i} with some words`, price: i % n, note: 'x'.repeat(40) }))
  const change = { entity: { type: 'order', id: '1' }, action: 'update', before: { items: items(7) }, after: { items: items(11) } }
  return JSON.stringify(change, null, 1)
}

/** In the page: the longest time between two frames while nothing, a drop and a key are answered. */
async function measure(text) {
  const frame = () => new Promise(requestAnimationFrame)
  async function longest(act, isDone) {
    let last = await frame()
    const start = last
    let most = 0
    act()
    for (;;) {
      const now = await frame()
      most = Math.max(most, now - last)
      last = now
      if (isDone(now - start)) return { most, ms: now - start }
    }
  }
  const shown = () => document.querySelector('#summary')?.textContent
  const idle = await longest(() => {}, (ms) => ms > 1000)

  const content = document.querySelector('#change .code').shadowRoot.querySelector('.cm-content')
  const transfer = new DataTransfer()
  transfer.items.add(new File([text], 'change.json'))
  const before = shown()
  const drop = await longest(
    () => content.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true, composed: true })),
    () => shown() !== before,
  )
  // The findings come a little later.
  const after = await longest(() => {}, (ms) => ms > 2500)

  const policy = document.querySelector('#policy .code').shadowRoot.querySelector('.cm-content')
  const previewed = shown()
  policy.focus()
  const type = await longest(
    () => {
      const line = [...policy.querySelectorAll('.cm-line')].find(({ textContent }) => textContent.includes('"default"'))
      const node = document.createTreeWalker(line, NodeFilter.SHOW_TEXT)
      while (node.nextNode()) if (node.currentNode.data.includes('"seal"')) break
      const at = node.currentNode.data.indexOf('"seal"') + 1
      policy.getRootNode().getSelection().setBaseAndExtent(node.currentNode, at, node.currentNode, at + 4)
      document.execCommand('insertText', false, 'keep')
    },
    () => shown() !== previewed,
  )
  return { idle: idle.most, drop: Math.max(drop.most, after.most), dropMs: drop.ms, type: type.most, typeMs: type.ms }
}

function sorted(numbers) {
  return numbers.sort((a, b) => a - b)
}
