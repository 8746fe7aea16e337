import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { before, test } from 'node:test'
import { Guest } from '../page/worker/guest.js'
import { Preview } from '../page/worker/preview.js'

let guest
before(async () => {
  guest = await Guest.compile(await readFile(new URL('../dist/guest.wasm', import.meta.url)))
})

function previewOf(policy, images) {
  const change = { entity: { type: 'x', id: '1' }, action: 'update', ...images }
  return new Preview(guest, JSON.stringify({ id: 'p', version: '1', ...policy }), JSON.stringify(change))
}
const rowsOf = (policy, images) => previewOf(policy, images).rows().rows

const given = (rows, path) => rows.filter((row) => row.path === path).flatMap(({ sides }) => sides.map((side) => `${side.side} ${side.given.text}`))
const byId = { default: 'seal', arrays: [{ select: '$.items', match: 'key', key: 'id' }] }

test('items that the policy pairs by key come in as that pair', () => {
  const rows = rowsOf(byId, {
    before: { items: [{ id: 1, n: 1 }, { id: 2, n: 2 }] }, after: { items: [{ id: 2, n: 3 }, { id: 1, n: 4 }] },
  })
  assert.deepEqual([given(rows, '/items/0/n'), given(rows, '/items/1/n')], [['before 1', 'after 4'], ['before 2', 'after 3']])
})

test('an item behind one that went has a given value on both sides', () => {
  const rows = rowsOf(byId, { before: { items: [{ id: 1, n: 1 }, { id: 2, n: 2 }] }, after: { items: [{ id: 2, n: 3 }] } })
  assert.deepEqual(given(rows, '/items/1/n'), ['before 2', 'after 3'])
})

test('keys that the policy folds have a given value on both sides', () => {
  const rows = rowsOf({ default: 'seal', fold_keys: true }, { before: { ' sku_id': 1 }, after: { sku_id: 2 } })
  assert.deepEqual(given(rows, '/sku_id'), ['before 1', 'after 2'])
})

test('a sealed field has a retention class and key ids, a pseudonym has neither key id nor period', () => {
  const rules = [{ select: '$.email', action: 'seal', group: 'contact' }, { select: '$.account', action: 'pseudonym', group: 'ids' }]
  const rows = rowsOf({ default: 'keep', rules }, { before: { email: 'a', account: 'b' }, after: { email: 'c', account: 'd' } })
  const [email, account] = ['/email', '/account'].map((path) => rows.find((row) => row.path === path))
  assert.deepEqual([email.group, email.subject, email.retain], ['contact', 'x/1', 'standard'])
  assert.deepEqual(email.sides.map(({ stored }) => stored.kids), Array(2).fill(['k_preview', 't_standard.preview']))
  assert.deepEqual([account.group, account.subject], ['ids', 'x/1'])
  assert.ok(account.sides.every(({ stored }) => stored.kids === undefined))
})

test('what is sealed as one is shown with what it is sealed with', () => {
  const rows = rowsOf({ default: 'seal' }, { before: {}, after: { address: { street: 's', city: 'c' } } })
  const [{ given, stored }] = rows.find(({ path }) => path === '/address/city').sides
  assert.equal(given.text, '"c"')
  assert.equal(stored.whole, '/address')
  assert.deepEqual(stored.kids, ['k_preview', 't_standard.preview'])
})

test('one page of rows at a time, of one treatment, or with a part of a path', () => {
  const image = (n) => Object.fromEntries(Array.from({ length: 120 }, (_, i) => [`field${i}`, n]))
  const shown = previewOf({ default: 'keep', rules: [{ select: '$.field7', action: 'drop' }] }, { before: image(1), after: image(2) })
  assert.deepEqual(shown.counts, { keep: 119, drop: 1 })
  const lengths = [{}, { from: 100 }, { from: 200 }, { count: 10 }].map((wanted) => shown.rows(wanted).rows.length)
  assert.deepEqual(lengths, [25, 20, 0, 10])
  assert.deepEqual(shown.rows({ action: 'drop' }).rows.map(({ path }) => path), ['/field7'])
  assert.equal(shown.rows({ text: 'FIELD11' }).total, 11)
})

test('a long value is cut, and long runs of equal words are left out', () => {
  const words = (n, changed) => Array.from({ length: n }, (_, i) => (i === changed ? 'other' : `word${i}`)).join(' ')
  const rows = rowsOf({ default: 'keep' }, { before: { a: 'x'.repeat(9000), b: words(300) }, after: { a: 'y', b: words(300, 150) } })
  const [long, text] = ['/a', '/b'].map((path) => rows.find((row) => row.path === path).sides)
  assert.deepEqual([long[0].given.text.length, long[0].given.cut], [4000, true])
  const kinds = text[0].given.runs.map(({ kind }) => kind)
  assert.deepEqual(kinds, ['left-out', 'same', 'removed', 'same', 'left-out'])
  assert.deepEqual(text[1].given.runs.find(({ kind }) => kind === 'added').text, 'other')
})

test('an error says which text is wrong', () => {
  assert.throws(() => previewOf({ default: 'nothing' }, {}), ({ source, code }) => source === 'policy' && code === 'policy_invalid')
  assert.throws(() => previewOf({ default: 'keep' }, { action: 'nothing' }), ({ source }) => source === 'change')
})
