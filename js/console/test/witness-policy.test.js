import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { goldenRecord, newWitness } from '../../sealtrail/test/witness.js'
import { inBrowser } from './browser.js'
import { bundleOf, dropped, goldenLog, tarOf } from './bundle-files.js'
import { startPageServer } from './page-server.js'

const TIME = Date.parse('2026-11-21T19:51:16Z') / 1000
const [auditor, union, stranger] = ['auditor.example/w1', 'union.example/w', 'stranger.example'].map(newWitness)
const policy = (rest) => `# who is believed\nwitness auditor ${auditor.vkey}\nwitness union ${union.vkey}\n${rest}`
const EITHER = policy('group either any auditor union\nquorum either\n')
const BOTH = policy('group both all auditor union\nquorum both\n')
const MISSING = 'the quorum is not met: expected 2 of `auditor`, `union` for `both`, got 1; cosigned by `auditor`'

const here = inBrowser()
let server, golden, line, proof, vkey, once
before(async () => {
  server = await startPageServer()
  golden = await goldenLog()
  ;({ line, proof, vkey } = await goldenRecord())
  once = (note) => stranger.cosign(auditor.cosign(note, TIME), TIME)
})
after(() => server?.stop())
beforeEach(async () => {
  await here.open(`${server.url}#verify`)
  await here.page.waitForSelector('#verify-title')
})

const checks = () => here.page.$$eval('.checks li', (items) => items.map((item) => `${item.querySelector('strong').textContent}: ${item.querySelector('.badge')?.innerText.trim()}`))
const FIVE = ['Proof', 'Verifier key', 'Origin', 'Signature', 'Inclusion'].map((name) => `${name}: passed`)

async function fill(texts) {
  for (const [id, text] of Object.entries(texts)) await here.page.fill(`#${id}`, text)
}

/** Waits for a verdict that has a text; none of these is in the verdict before. */
const told = (text, head = '') => here.page.waitForSelector(`#verdict${head && `:has(h2.${head})`} >> text=${text}`)

test('a record whose checkpoint the witnesses of a policy cosigned', async () => {
  await fill({ line, proof: once(proof), vkey, witnessPolicy: EITHER })
  await told('The checkpoint is cosigned by auditor (2026-11-21 19:51:16Z).', 'passed')
  assert.deepEqual(await checks(), [...FIVE, 'Witnesses: passed'])
  await fill({ witnessPolicy: policy('quorum none\n'), proof })
  await told('The checkpoint is cosigned by none of the witnesses, and the policy asks for none.', 'passed')
})

test('without a policy nothing is said of witnesses', async () => {
  const { page } = here
  const names = async () => (await checks()).map((check) => check.split(':')[0])
  assert.equal((await names()).length, 5)
  await fill({ witnessPolicy: EITHER })
  await page.waitForSelector('.checks li:nth-child(6)')
  assert.equal((await names())[5], 'Witnesses')
  await fill({ line, proof: once(proof), vkey })
  await told('cosigned by auditor')
  await fill({ witnessPolicy: ' \n' })
  await page.waitForFunction(() => document.querySelectorAll('.checks li').length === 5)
  assert.deepEqual(await checks(), FIVE)
  assert.doesNotMatch(await page.textContent('#verdict'), /cosigned|[Ww]itness/)
  await page.waitForSelector('#verdict h2.passed')
})

test('a verdict says which witnesses are missing, or what is wrong in the policy', async () => {
  await fill({ line, proof: once(proof), vkey, witnessPolicy: BOTH })
  await told(MISSING, 'failed')
  assert.deepEqual(await checks(), [...FIVE, 'Witnesses: failed'])
  await fill({ witnessPolicy: policy('quorum x\n') })
  await told('malformed witness policy: line 4: expected a witness or group of an earlier line, got `x`', 'failed')
  assert.deepEqual(await checks(), [...FIVE, 'Witnesses: failed'])
  await fill({ witnessPolicy: EITHER, vkey: 'no key' })
  await told('expected `<name>+<8 hex digits>+<base64>`', 'failed')
  assert.deepEqual((await checks()).at(-1), 'Witnesses: not checked')
  // A time that nobody signed.
  const forged = once(proof).replace(/(auditor\S+ \S{14})./, (_, head) => `${head}${'B'}`)
  assert.notEqual(forged, once(proof))
  await fill({ vkey, proof: forged })
  await told('the signature by `auditor.example/w1', 'failed')
  assert.deepEqual(await checks(), [...FIVE, 'Witnesses: failed'])
})

test('a policy is dropped with the record, or later', async () => {
  const { page } = here
  await here.drop('#line', [{ name: 'w', text: BOTH }, { name: 'k', text: vkey }, { name: 'r', text: line }, { name: 'p', text: once(proof) }])
  await told(MISSING, 'failed')
  assert.equal(await page.inputValue('#witnessPolicy'), BOTH)
  for (const text of [EITHER, `\n \t# a comment\n\n${EITHER.slice(EITHER.indexOf('\n') + 1)}`, `log\t${vkey}${EITHER}`]) {
    await here.drop('#line', [{ name: 'shop.policy', text }])
    await told('cosigned by auditor', 'passed')
    await fill({ witnessPolicy: '' })
    await page.waitForFunction(() => document.querySelectorAll('.checks li').length === 5)
  }
  await here.drop('#line', [{ name: 'notes.txt', text: '# nothing\nlogs and witnesses\n' }])
  await page.waitForSelector('text=notes.txt is no record, no proof, no verifier key and no witness policy')
})

test('a bundle says once how its checkpoint is cosigned', async () => {
  const { page } = here
  const files = bundleOf({ ...golden, checkpoint: union.cosign(once(golden.checkpoint), TIME + 60) }, [0, 7, 255], [256])
  const beside = [{ name: 'shop.policy', text: BOTH }, { name: 'shop.vkey', text: vkey }]
  await here.drop('#line', [...beside, { name: 'bundle.tar', text: tarOf(files) }])
  await told('All 4 lines are in the log', 'passed')
  await told('The checkpoint is cosigned by auditor (2026-11-21 19:51:16Z), union (2026-11-21 19:52:16Z).', 'passed')
  await page.waitForSelector('text=: bundle.tar')
  assert.deepEqual(await page.$$eval('.evidence textarea', (fields) => fields.map(({ id }) => id)), ['vkey', 'witnessPolicy'])
  await fill({ witnessPolicy: '' })
  await page.waitForFunction(() => document.querySelector('#verdict h2.passed') && !document.querySelector('#verdict').textContent.includes('cosigned'))
  await fill({ witnessPolicy: policy('quorum x\n') })
  await told('malformed witness policy: line 4', 'failed')
  assert.deepEqual(await checks(), ['Witnesses: failed'])
  // The first bytes of this archive are as those of a policy.
  await here.drop('.verify', [{ name: 'other.tar', text: tarOf(files, 'log of 2026') }])
  await page.waitForSelector('text=: other.tar')
  await here.drop('.verify', [{ name: 'shop.policy', text: BOTH }])
  await told('cosigned by auditor', 'passed')
})

test('a bundle whose checkpoint lacks a witness fails for that, and for what else is wrong in it', async () => {
  const { page } = here
  const files = bundleOf({ ...golden, checkpoint: once(golden.checkpoint) }, [3, 4, 5])
  await here.drop('#line', [...dropped(files), { name: 'k', text: vkey }])
  await told('All 3 lines are in the log', 'passed')
  await fill({ witnessPolicy: BOTH })
  await told(MISSING, 'failed')
  await told('Do not rely on it: every line is under the checkpoint, but the check of its witnesses failed.', 'failed')
  assert.deepEqual(await checks(), ['Witnesses: failed'])
  const changed = { ...files, 'records.ndjson': files['records.ndjson'].replace(golden.lines[4], `${golden.lines[4]} `) }
  await here.drop('.verify', dropped(changed))
  await told('1 of 3 lines failed', 'failed')
  assert.deepEqual(await checks(), ['Witnesses: failed', 'Record 4: failed'])
  await fill({ witnessPolicy: EITHER })
  await page.waitForFunction(() => document.querySelectorAll('.checks li').length === 1)
  assert.deepEqual(await checks(), ['Record 4: failed'])
  // A key that cannot be read: the records say so, and nobody can say anything of witnesses.
  await fill({ vkey: 'none' })
  await told('3 of 3 lines failed', 'failed')
  assert.deepEqual(await checks(), ['Record 3: failed', 'Record 4: failed', 'Record 5: failed'])
})

test('what lies in the folder of a bundle is no key and no policy, and what is dropped beside it is', async () => {
  const { page } = here
  const folder = await mkdtemp(join(tmpdir(), 'sealtrail-'))
  try {
    const files = { ...bundleOf({ ...golden, checkpoint: once(golden.checkpoint) }, [3, 4]), 'their.vkey': vkey, 'their.policy': policy('quorum none\n') }
    const put = async (name, text) => {
      await mkdir(dirname(join(folder, name)), { recursive: true })
      await writeFile(join(folder, name), text)
    }
    for (const [name, text] of Object.entries(files)) await put(`audit/${name}`, text)
    await put('our.policy', EITHER)
    await put('our.vkey', vkey)
    await here.dropPaths('#verify-title', [join(folder, 'audit')])
    await page.waitForSelector('text=Bundle of 2 lines: audit')
    assert.deepEqual([await page.inputValue('#vkey'), await page.inputValue('#witnessPolicy')], ['', ''])
    await here.dropPaths('#verify-title', [join(folder, 'our.policy'), join(folder, 'audit'), join(folder, 'our.vkey')])
    await told('cosigned by auditor', 'passed')
    assert.deepEqual([await page.inputValue('#vkey'), await page.inputValue('#witnessPolicy')], [vkey, EITHER])
  } finally {
    await rm(folder, { recursive: true })
  }
})
