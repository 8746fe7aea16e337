import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { before, describe, test } from 'node:test'
import fastJsonPatch from 'fast-json-patch'
import { loadEngine } from 'sealtrail'

const { applyPatch } = fastJsonPatch
const shared = (name) => readFile(new URL(`../../../tests/${name}`, import.meta.url), 'utf8')

let engine
before(async () => {
  engine = await loadEngine()
})

describe('RFC 6902, applied by fast-json-patch', () => {
  const ROUNDS = 300
  const matchings = [
    [],
    [{ select: '$..*', match: 'position' }],
    [{ select: '$..items', match: 'key', key: 'id' }],
    [{ select: '$..*', match: 'key', key: ['/id'] }],
  ]
  const policy = (arrays) => ({ id: 't', version: '1', default: 'keep', secrets: false, arrays })
  // It validates what it applies, and a test that fails throws.
  const applied = (image, patch) => applyPatch(structuredClone(image), patch, true).newDocument

  for (const tests of [false, true]) {
    test(`gives the image after${tests ? ', with tests' : ''}`, () => {
      let operations = 0
      for (let seed = 0; seed < ROUNDS; seed++) {
        const [was, is] = images(seed)
        for (const arrays of matchings) {
          const patch = engine.diff(was, is, { format: 'patch', tests, policy: policy(arrays) })
          assert.deepEqual(applied(was, patch), is, `seed ${seed}: ${JSON.stringify(patch)}`)
          operations += patch.length
        }
      }
      assert.ok(operations > ROUNDS)
    })
  }

  test('of sets: the same elements', () => {
    for (let seed = 0; seed < ROUNDS; seed++) {
      const [was, is] = images(seed)
      const patch = engine.diff(was, is, { format: 'patch', tests: true, policy: policy([{ select: '$..*', match: 'set' }]) })
      assert.equal(unordered(applied(was, patch)), unordered(is), `seed ${seed}: ${JSON.stringify(patch)}`)
    }
  })

  test('backwards: the changes undone give the image before', () => {
    for (let seed = 0; seed < ROUNDS; seed++) {
      const [was, is] = images(seed)
      const arrays = matchings[seed % matchings.length]
      const undone = engine.diff(was, is, { policy: policy(arrays) }).reverse().map(({ op, path, from, old }) => {
        if (op === 'move') return { op, path: from, from: path }
        if (op === 'add') return { op: 'remove', path }
        return { op: op === 'remove' ? 'add' : op, path, value: old }
      })
      assert.deepEqual(applied(is, undone), was, `seed ${seed}`)
    }
  })

  test('tests refuse another image', () => {
    const patch = engine.diff({ a: 1, b: [{ id: 1 }, { id: 2 }] }, { a: 2, b: [{ id: 2 }, { id: 1 }] }, {
      format: 'patch', tests: true, policy: policy([{ select: '$.b', match: 'key', key: 'id' }]),
    })
    assert.deepEqual(patch.map(({ op }) => op).sort(), ['move', 'replace', 'test', 'test'])
    for (const other of [{ a: 3, b: [{ id: 1 }, { id: 2 }] }, { a: 1, b: [{ id: 7 }, { id: 8 }] }]) {
      assert.throws(() => applied(other, patch), { name: 'TEST_OPERATION_FAILED' })
    }
  })
})

describe('rows', () => {
  const record = {
    id: '1', source: 'shop', time: '2026-11-21T19:45:00.047Z',
    data: {
      entity: { type: 'customer', id: '3' }, action: 'update',
      changes: [{ op: 'replace', path: '/email', old: 'st1.0.A', new: 'st1.0.B' }, { op: 'add', path: '/n', new: 1 }],
      seals: [{ group: 'contact', at: ['/data/changes/0/old', '/data/changes/0/new'] }],
    },
  }

  test('one for each attribute, with the columns of the first users', async () => {
    const [wanted] = JSON.parse(await shared('first-users/attribute-rows.json'))
    const rows = engine.rows(JSON.stringify(record))
    assert.deepEqual(Object.keys(rows[0]), Object.keys(wanted))
    assert.deepEqual(rows.map((row) => row.attribute), ['email', 'n'])
    assert.deepEqual([rows[0].previous_value, rows[1].previous_value, rows[1].current_value], ['[sealed contact]', null, '1'])
  })

  test('with what was opened, as NDJSON and CSV', () => {
    const opened = [{ at: '/data/changes/0/old', value: 'ada@example.com' }, { at: '/data/changes/0/new', erased: true }]
    const lines = engine.rows(record, { opened, format: 'ndjson' }).trimEnd().split('\n').map((line) => JSON.parse(line))
    assert.deepEqual(lines.map((row) => [row.previous_value, row.current_value]), [['ada@example.com', '[erased]'], [null, '1']])
    assert.match(engine.rows(record, { opened, format: 'csv' }), /^date,time,.*,os\r\n2026-11-21,19:45:00,.*,email,ada@example.com,\[erased\],/)
    assert.doesNotMatch(engine.rows(record, { format: 'csv', header: false }), /^date/)
  })

  test('refuses what is no record or no format', () => {
    assert.throws(() => engine.rows('{}'), { code: 'invalid_field' })
    assert.throws(() => engine.rows('{'), { code: 'malformed_json' })
    assert.throws(() => engine.rows(record, { format: 'xlsx' }), { code: 'invalid_field' })
    assert.throws(() => engine.rows(record, { header: true }), { code: 'invalid_field' })
  })
})

describe('words', () => {
  test('sentences for a person', () => {
    const text = engine.diff({ notes: [] }, { notes: [{ note: 'Test note' }] }, { format: 'words', entity: 'instance/5' })
    assert.equal(text, "changes on instance/5: 'notes' collection changes: 1. 'notes/0' added; 'notes/0.note' = 'Test note'\n")
  })

  test('beside the values of long texts', () => {
    const long = 'The quick brown fox jumps over the lazy dog, and then it sleeps for nine hours.'
    const [change] = engine.diff({ t: long }, { t: long.replace('nine', 'ten') }, { words: true })
    assert.deepEqual(change.words.filter(([sign]) => sign !== '='), [['-', 'nine'], ['+', 'ten']])
    assert.equal(change.old, long)
  })

  test('options stay with their format', () => {
    for (const options of [{ tests: true }, { format: 'patch', words: true }, { format: 'text', entity: 'a/1' }]) {
      assert.throws(() => engine.diff({}, {}, options), { code: 'invalid_field' })
    }
  })
})

describe('textDifference', () => {
  test('runs give both texts back, whatever their characters', () => {
    const [was, is] = ['Café 🙂 und 東京都\n', 'Cafè 🙂🙂 und 東京\r\n']
    for (const unit of ['word', 'line']) {
      const { runs, coarse } = engine.textDifference(was, is, { unit })
      const without = (sign) => runs.filter((run) => run[0] !== sign).map((run) => run[1]).join('')
      assert.deepEqual([without('+'), without('-'), coarse], [was, is, false])
    }
    assert.deepEqual(engine.textDifference('6gb Ram', '4gb Ram').runs, [['-', '6gb'], ['+', '4gb'], ['=', ' Ram']])
  })

  test('refuses half a character and a unit that it does not know', () => {
    assert.throws(() => engine.textDifference('\ud800', ''), { code: 'lone_surrogate', at: { pointer: '/before' } })
    assert.throws(() => engine.textDifference('', '', { unit: 'letter' }), { code: 'invalid_field' })
  })
})

/** Two images of one entity from a seed. */
function images(seed) {
  let state = seed * 2654435761 + 1
  const below = (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
  const keys = ['a', 'b', '', 'e/f', 'g~h', ' x', 'é', '0']
  const value = (depth) => {
    const kind = below(depth === 0 ? 4 : 6)
    if (kind === 0) return null
    if (kind === 1) return below(2) === 0
    if (kind === 2) return below(5)
    if (kind === 3) return `text ${below(9)}`
    if (kind === 4) return Array.from({ length: below(4) }, () => value(depth - 1))
    return object(depth - 1)
  }
  const object = (depth) => Object.fromEntries(Array.from({ length: below(5) }, () => [keys[below(keys.length)], value(depth)]))
  const items = () => {
    const ids = [1, 2, 3, 4, 5, 6].filter(() => below(4) > 0)
    for (let i = ids.length - 1; i > 0; i--) {
      const j = below(i + 1)
      ;[ids[i], ids[j]] = [ids[j], ids[i]]
    }
    return ids.map((id) => ({ id, q: below(3), tags: Array.from({ length: below(3) }, () => below(3)) }))
  }
  const edited = (given, depth) => {
    if (below(5) === 0) return value(depth)
    if (Array.isArray(given)) return [...given.map((item) => edited(item, depth)), ...(below(3) === 0 ? [value(0)] : [])]
    if (given === null || typeof given !== 'object') return given
    return Object.fromEntries(Object.entries(given).filter(() => below(6) > 0).map(([key, of]) => [key, edited(of, depth)]))
  }
  const was = object(3)
  const is = edited(was, 2)
  return [{ ...was, items: items() }, { ...(is && typeof is === 'object' && !Array.isArray(is) ? is : {}), items: items() }]
}

/** The same text for the same elements in any order. */
function unordered(value) {
  if (Array.isArray(value)) return `[${value.map(unordered).sort().join()}]`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  return `{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${unordered(value[key])}`).join()}}`
}
