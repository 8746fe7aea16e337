import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { goldenRecord } from '../../sealtrail/test/witness.js'
import { inBrowser } from './browser.js'
import { bundleOf as bundle, dropped, goldenLog, tarOf } from './bundle-files.js'
import { startPageServer } from './page-server.js'

const here = inBrowser()
let server, golden, lines, line, other, proof, vkey, checkpoint
before(async () => {
  server = await startPageServer()
  golden = await goldenLog()
  ;({ lines, checkpoint } = golden)
  ;({ line, proof, vkey } = await goldenRecord())
  other = lines[255]
})
after(() => server?.stop())
beforeEach(async () => {
  await here.open(server.url)
  await here.page.click('nav a[href="#verify"]')
  await here.page.waitForSelector('#verify-title')
})

const checks = () =>
  here.page.$$eval('.checks li', (items) => Object.fromEntries(items.map((item) => [item.querySelector('strong').textContent, item.querySelector('.badge')?.innerText.trim()])))
const ALL = { Proof: 'passed', 'Verifier key': 'passed', Origin: 'passed', Signature: 'passed', Inclusion: 'passed' }

async function fill(texts) {
  for (const [id, text] of Object.entries(texts)) await here.page.fill(`#${id}`, text)
  await here.page.waitForSelector('#verdict .facts')
}

test('what is checked is said in full width, and beside a verdict in its own column', async () => {
  const { page } = here
  const shares = () => page.$$eval('.checks li', (items) => items.map((item) => item.querySelector('div').offsetWidth / item.offsetWidth))
  assert.ok((await shares()).every((share) => share > 0.99))
  await page.click('text=Try an example')
  await page.waitForSelector('h2.passed')
  assert.ok((await shares()).every((share) => share > 0.7 && share < 0.9))
})

test('a record of the golden log is verified', async () => {
  const { page } = here
  await fill({ line: `${line}\n`, proof, vkey })
  await page.waitForSelector('h2.passed')
  assert.match(await page.textContent('#verdict'), /record 256 of sealtrail\.test\/log1.*257 records/)
  assert.deepEqual(await checks(), ALL)
})

test('each fault fails its own check, and the others are made', async () => {
  const { page } = here
  await fill({ line: other, proof, vkey })
  await page.waitForSelector('h2.failed')
  assert.deepEqual(await checks(), { ...ALL, Inclusion: 'failed' })
  await fill({ line, vkey: vkey.replace('20cb2b54+AdBK', '20cb2b54+AdBL') })
  assert.deepEqual(await checks(), { ...ALL, 'Verifier key': 'failed', Origin: 'not checked', Signature: 'not checked' })
  await fill({ vkey, proof: proof.replace('\n257\n', '\n258\n') })
  assert.deepEqual(await checks(), { ...ALL, Signature: 'failed', Inclusion: 'failed' })
  await fill({ proof: proof.replace('sealtrail.test/log1\n', 'sealtrail.test/log2\n') })
  assert.deepEqual(await checks(), { ...ALL, Origin: 'failed', Signature: 'failed' })
  await fill({ proof: 'nothing' })
  assert.deepEqual(await checks(), { Proof: 'failed', 'Verifier key': 'passed', Origin: 'not checked', Signature: 'not checked', Inclusion: 'not checked' })
  assert.match(await page.textContent('#verdict'), /Not verified/)
})

test('three files dropped at once are told apart', async () => {
  await here.drop('#line', [{ name: 'key', text: vkey }, { name: 'record.json', text: line }, { name: 'x.tlog-proof', text: proof }])
  await here.page.waitForSelector('h2.passed')
  await here.drop('#line', [{ name: 'notes.txt', text: 'nothing of that' }])
  await here.page.waitForSelector('text=notes.txt is no record, no proof, no verifier key and no witness policy')
})

test('a record that a tool has printed over several lines is told so', async () => {
  await fill({ line: JSON.stringify(JSON.parse(line), null, 2), proof, vkey })
  assert.match(await here.page.textContent('#verdict'), /This is \d+ lines, and a record is one/)
})

test('the example of the page is the golden log\'s', async () => {
  const { page } = here
  await page.click('text=Try an example')
  await page.waitForSelector('h2.passed')
  await page.click('nav a[href="#preview"]')
  await page.click('nav a[href="#verify"]')
  assert.deepEqual(await Promise.all(['#line', '#proof', '#vkey'].map((id) => page.inputValue(id))), [line, proof, vkey.trim()])
})

const bundleOf = (...named) => bundle(golden, ...named)

test('a bundle is verified as an archive, as its files and as its folder', async () => {
  const { page } = here
  const files = bundleOf([0, 1, 7, 100, 255], [256])
  const verified = async () => {
    await page.waitForSelector('#verdict h2.passed')
    assert.match(await page.textContent('#verdict'), /All 6 lines are in the log of sealtrail\.test\/log1, byte for byte: 5 records and 1 record of erasures/)
    await page.click('text=Check a single record instead')
    await page.waitForSelector('#line')
  }
  await here.drop('#line', [{ name: 'bundle.tar', text: tarOf(files) }])
  await page.waitForSelector('text=The verifier key is not in it')
  await page.fill('#vkey', vkey)
  await verified()
  await here.drop('#line', [...dropped(files), { name: 'log.vkey', text: vkey }])
  await verified()
  const folder = await mkdtemp(join(tmpdir(), 'sealtrail-'))
  try {
    for (const [name, text] of Object.entries(files)) {
      const path = join(folder, 'audit', name)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, text)
    }
    await page.setInputFiles('input[aria-label="Open a folder of a bundle"]', join(folder, 'audit'))
    await verified()
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('what is wrong in a bundle is named with its record', async () => {
  const { page } = here
  const good = bundleOf([3, 4, 5])
  const said = async (files) => {
    await here.drop('.verify', dropped({ ...good, ...files }))
    await page.waitForSelector('#verdict h2.failed')
    const verdict = await page.textContent('#verdict')
    // What is read of the next files must not be the verdict on these.
    await page.click('text=Check a single record instead')
    await page.waitForSelector('#line')
    return verdict
  }
  await page.fill('#vkey', vkey)
  const changed = await said({ 'records.ndjson': good['records.ndjson'].replace(lines[4], `${lines[4]} `) })
  assert.match(changed, /1 of 3 lines failed.*Record 4/)
  assert.doesNotMatch(changed, /Record [35]/)
  // A whole proof, of the next record.
  const swapped = { 'proofs/3.tlog-proof': good['proofs/4.tlog-proof'], 'records.ndjson': good['records.ndjson'].replace(lines[3], lines[4]) }
  assert.match(await said(swapped), /Record 3the proof is of another record/)
  assert.match(await said({ checkpoint: checkpoint.replace('257', '258') }), /3 of 3 lines failed/)
  const troubles = [
    [{ 'records.ndjson': `${lines[3]}\n` }, /records\.ndjson has 1 lines, and the manifest names 3/],
    [{ 'manifest.json': good['manifest.json'].replace('"index": 4', '"index": 3') }, /names record 3 twice/],
    [{ 'manifest.json': good['manifest.json'].replace('"index": 4', '"index": 6') }, /the bundle has no proofs\/6\.tlog-proof/],
    [{ 'manifest.json': '{"format":"sealtrail bundle 1"' }, /manifest\.json is no JSON/],
  ]
  for (const [files, trouble] of troubles) {
    await here.drop('.verify', dropped({ ...good, ...files }))
    await page.waitForFunction((source) => new RegExp(source).test(document.querySelector('[role=alert]')?.textContent ?? ''), trouble.source)
  }
  await here.drop('.verify', [{ name: 'bundle.tar', text: tarOf(good).slice(0, 1500) }])
  await page.waitForSelector('text=This bundle cannot be read')
})

test('a certificate of erasure holds its record and its proof', async () => {
  const certificate = { format: 'sealtrail certificate of erasure v1', origin: 'sealtrail.test/log1', kids: [], records: 1, values: 2, id: 'x', index: 256, record: line, proof }
  await here.drop('#line', [{ name: 'certificate.json', text: JSON.stringify(certificate) }, { name: 'key', text: vkey }])
  await here.page.waitForSelector('h2.passed')
  assert.equal(await here.page.inputValue('#line'), line)
})
