import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { inBrowser } from './browser.js'
import { startPageServer } from './page-server.js'

const here = inBrowser()
let server, lines, line, other, proof, vkey, checkpoint
before(async () => {
  server = await startPageServer()
  const golden = (name) => readFile(new URL(`../../../tests/vectors/golden-log-257/${name}`, import.meta.url), 'utf8')
  lines = (await golden('entries/00000000000000000000.jsonl')).split('\n').slice(0, 257)
  checkpoint = await golden('checkpoint')
  line = lines[256]
  other = lines[255]
  // The last of 257: the path to the root is the one hash of the 256 before it, in the golden log's own tile.
  const tile = await readFile(new URL('../../../tests/vectors/golden-log-257/tile/1/000.p/1', import.meta.url))
  proof = `c2sp.org/tlog-proof@v1\nindex 256\n${tile.toString('base64')}\n\n${await golden('checkpoint')}`
  vkey = await golden('log.vkey')
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
  await here.page.waitForSelector('text=notes.txt is no record, no proof and no verifier key')
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

const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest()
const split = (count) => 2 ** Math.floor(Math.log2(count - 1))

/** The root of a tree (RFC 9162 section 2.1.1), and the path of one of its leaves (section 2.1.3.1). */
function rootOf(leaves) {
  if (leaves.length === 1) return leaves[0]
  const k = split(leaves.length)
  return sha256(Buffer.from([1]), rootOf(leaves.slice(0, k)), rootOf(leaves.slice(k)))
}
function pathOf(leaves, index) {
  if (leaves.length === 1) return []
  const k = split(leaves.length)
  return index < k ? [...pathOf(leaves.slice(0, k), index), rootOf(leaves.slice(k))] : [...pathOf(leaves.slice(k), index - k), rootOf(leaves.slice(0, k))]
}

/** The files of a bundle of these records of the golden log. */
function bundleOf(records, erasures = []) {
  // What the tree holds of a line is its SHA-256.
  const leaves = lines.map((line) => sha256(Buffer.from([0]), sha256(Buffer.from(line))))
  const [origin, size, root] = checkpoint.split('\n')
  const named = (indices) => indices.map((index) => ({ index, id: null }))
  const text = (indices) => indices.map((index) => `${lines[index]}\n`).join('')
  const proofs = [...records, ...erasures].map((index) => [
    `proofs/${index}.tlog-proof`,
    `c2sp.org/tlog-proof@v1\nindex ${index}\n${pathOf(leaves, index).map((hash) => `${hash.toString('base64')}\n`).join('')}\n${checkpoint}`,
  ])
  return {
    checkpoint,
    'manifest.json': JSON.stringify({ format: 'sealtrail bundle 1', origin, size: Number(size), root, records: named(records), erasures: named(erasures) }, null, 2),
    'records.ndjson': text(records),
    'erasures.ndjson': text(erasures),
    ...Object.fromEntries(proofs),
  }
}

/** POSIX ustar, of the folder `bundle`. */
function tarOf(files) {
  const blocks = Object.entries(files).map(([name, text]) => {
    const body = Buffer.from(text)
    const header = Buffer.alloc(512)
    header.write(`bundle/${name}`, 0)
    header.write(body.length.toString(8).padStart(11, '0'), 124)
    header.write('0', 156)
    header.write('ustar\0' + '00', 257)
    return Buffer.concat([header, body, Buffer.alloc(-body.length & 511)])
  })
  return Buffer.concat([...blocks, Buffer.alloc(1024)]).toString()
}

const dropped = (files) => Object.entries(files).map(([name, text]) => ({ name: name.slice(name.lastIndexOf('/') + 1), text }))

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
