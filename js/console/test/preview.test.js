import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { before, test } from 'node:test'
import { Guest } from '../page/guest.js'
import { preview } from '../page/preview.js'

let guest
before(async () => {
  guest = new Guest(await WebAssembly.compile(await readFile(new URL('../dist/guest.wasm', import.meta.url))))
})

async function rowsOf(policy, images) {
  const change = { entity: { type: 'x', id: '1' }, action: 'update', ...images }
  const { rows } = await preview(guest, JSON.stringify({ id: 'p', version: '1', ...policy }), JSON.stringify(change))
  return rows
}

const given = (rows, path) => rows.filter((row) => row.path === path).flatMap(({ sides }) => sides.map((side) => `${side.side} ${side.given}`))
const byId = { default: 'seal', arrays: [{ select: '$.items', match: 'key', key: 'id' }] }

test('items that the policy pairs by key come in as that pair', async () => {
  const rows = await rowsOf(byId, {
    before: { items: [{ id: 1, n: 1 }, { id: 2, n: 2 }] }, after: { items: [{ id: 2, n: 3 }, { id: 1, n: 4 }] },
  })
  assert.deepEqual([given(rows, '/items/0/n'), given(rows, '/items/1/n')], [['before 1', 'after 4'], ['before 2', 'after 3']])
})

test('an item behind one that went has a given value on both sides', async () => {
  const rows = await rowsOf(byId, { before: { items: [{ id: 1, n: 1 }, { id: 2, n: 2 }] }, after: { items: [{ id: 2, n: 3 }] } })
  assert.deepEqual(given(rows, '/items/1/n'), ['before 2', 'after 3'])
})

test('keys that the policy folds have a given value on both sides', async () => {
  const rows = await rowsOf({ default: 'seal', fold_keys: true }, { before: { ' sku_id': 1 }, after: { sku_id: 2 } })
  assert.deepEqual(given(rows, '/sku_id'), ['before 1', 'after 2'])
})

test('a sealed field has a retention class, a pseudonym has none', async () => {
  const rules = [{ select: '$.email', action: 'seal', group: 'contact' }, { select: '$.account', action: 'pseudonym', group: 'ids' }]
  const rows = await rowsOf({ default: 'keep', rules }, { before: { email: 'a', account: 'b' }, after: { email: 'c', account: 'd' } })
  const detail = (path) => rows.find((row) => row.path === path).treatment.detail
  assert.match(detail('/email'), /^group contact, key of x\/1, retention \S+$/)
  assert.equal(detail('/account'), 'group ids, key of x/1')
})
