import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { readFile } from 'node:fs/promises'
import { changeText } from '../src/change.js'
import { Images } from '../src/images.js'
import * as glue from '../dist/wasm/sealtrail.js'

before(async () => {
  glue.initSync({ module: await readFile(new URL('../dist/wasm/sealtrail_bg.wasm', import.meta.url)) })
})

const POLICIES = {
  'keeps all': {},
  'seals all': { default: 'seal' },
  'subjects by pointer': {
    default: 'seal',
    rules: [
      { select: '$.a', action: 'seal', group: 'one', subject: 'customer/{/b/id}' },
      { select: '$.items[*].q', action: 'seal', group: 'two', subject: '/items/0/id' },
      { select: '$.c', action: 'pseudonym', subject: 'x/{/id}-{/e~1f}' },
    ],
  },
  'keyed arrays and sets': {
    arrays: [
      { select: '$.items', match: 'key', key: 'id' },
      { select: '$.b.list', match: 'key', key: ['id', '/a/q'] },
      { select: '$..tags', match: 'set' },
      { select: '$.c', match: 'position' },
    ],
  },
  'keys everywhere': { arrays: [{ select: '$..*', match: 'key', key: 'id' }] },
  'a set somewhere': { arrays: [{ select: '$.items[*]', match: 'set' }] },
  'by position': { arrays: [{ select: '$..*', match: 'position' }], rules: [{ select: '$..q', action: 'seal' }] },
  'folded keys': {
    fold_keys: true,
    default: 'seal',
    rules: [{ select: '$.id', action: 'keep' }, { select: '$.a', action: 'seal', subject: 'c/{/id}' }],
    arrays: [{ select: '$.items', match: 'key', key: 'id' }, { select: '$..tags', match: 'set' }],
  },
  'folded keys alone': { fold_keys: true },
  'ignored, masked, dropped': {
    ignore: ['$.at', '$.items[*].q'],
    rules: [
      { select: '$.a', action: 'mask' },
      { select: '$.b', action: 'drop' },
      { select: '$.items[-1]', action: 'seal' },
      { select: '$.list[1:3]', action: 'mask', mask: { first: 1, last: 1 } },
    ],
  },
}

const PAIRS = Number(process.env.SEALTRAIL_PAIRS ?? 2000)
const KEYS = ['a', 'b', 'c', 'id', '_id', 'Id', 'items', 'list', 'tags', 'q', 'at', 'e/f', 'é', 'É', 'password', 'aB']
const LEAVES = [null, true, false, 0, -0, 1, 2, 3, 1.5, 'x', 'y', '', '4111111111111111', 'é"\\\n\u2028😀', 'longer text of words', new Date(0)]

/** mulberry32 */
function random(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

class Maker {
  constructor(seed) {
    this.next = random(seed)
    // Of few keys collide many, of many few; ids that are all different are usual, and others a trap.
    this.keys = this.chance(0.5) ? KEYS : KEYS.filter((key) => /^[a-z]+$/.test(key))
    this.distinct = this.chance(0.6)
    this.id = 0
  }

  chance(share) {
    return this.next() < share
  }

  below(n) {
    return Math.floor(this.next() * n)
  }

  pick(list) {
    return list[this.below(list.length)]
  }

  value(depth) {
    if (depth === 0 || this.chance(0.4)) return this.chance(0.3) ? this.below(50) : this.pick(LEAVES)
    if (this.chance(0.4)) return this.array(depth)
    return this.object(depth)
  }

  array(depth) {
    const make = this.pick([() => this.value(depth - 1), () => this.item(depth), () => this.item(depth), () => this.below(1000)])
    return Array.from({ length: this.below(7) }, make)
  }

  item(depth) {
    const id = this.distinct ? this.id++ : this.below(4)
    return { id, ...this.object(Math.min(depth, 2) - 1, 2), ...(this.distinct ? { id } : {}) }
  }

  object(depth, most = 6) {
    const object = {}
    for (let n = this.below(most); n >= 0; n--) {
      const key = this.pick(this.keys)
      object[key] = key === 'items' && this.chance(0.8) ? this.array(depth + 1) : this.value(depth > 0 ? depth - 1 : 0)
    }
    return object
  }

  /** A copy with some differences. */
  changed(value, share) {
    if (this.chance(share / 4)) return this.value(2)
    if (value === null || typeof value !== 'object' || value instanceof Date) return this.chance(share) ? this.pick(LEAVES) : value
    if (this.chance(0.1)) return value
    if (Array.isArray(value)) {
      const items = value.map((item) => this.changed(item, share))
      if (this.chance(share / 2)) items.splice(this.below(items.length + 1), this.below(2), ...Array.from({ length: this.below(2) }, () => this.value(1)))
      if (this.chance(share / 2) && items.length > 1) items.push(items.splice(this.below(items.length), 1)[0])
      if (this.chance(share / 2) && items.length > 1) items[this.below(items.length)] = items[this.below(items.length)]
      return items
    }
    const members = Object.entries(value).map(([key, member]) => [key, this.changed(member, share)])
    if (this.chance(share / 2)) members.splice(this.below(members.length), 1)
    if (this.chance(share / 2)) members.push([this.pick(this.keys), this.value(1)])
    if (this.chance(0.2)) members.reverse()
    return Object.fromEntries(members)
  }

  pair() {
    const image = this.chance(0.05) ? this.array(4) : this.object(4, 8)
    const changed = this.changed(image, this.pick([0.02, 0.1, 0.5]))
    return [image, changed === null || typeof changed !== 'object' ? image : changed]
  }
}

/** The record's bytes, or the code of its error. */
function recorder(policy) {
  const capture = new glue.Capture(Buffer.from(JSON.stringify(policy)))
  const stamp = { origin: 'o', id: '019aa6c5-8f00-7000-8000-0000000000ab', recorded_time: '2026-11-21T19:45:00.047Z', engine: { version: '1', sha256: '0'.repeat(64) } }
  const given = [Buffer.from('{"correlation_id":"c"}'), Buffer.from(JSON.stringify(stamp))]
  const [key, entropy] = [Buffer.alloc(32, 1), Buffer.alloc(12 * 500)]
  const record = (text) => {
    const call = () => capture.record(Buffer.from(text), ...given, entropy)
    let line = call()
    if (line === undefined) {
      for (const { subject, retain } of capture.missing.needs) {
        capture.lendSubject(subject, `k_${Buffer.from(subject).toString('hex').slice(0, 100)}`, key)
        capture.lendPeriod(retain, 't_1', key)
      }
      line = call()
    }
    return Buffer.from(line).toString()
  }
  return {
    pruning: capture.pruning,
    record: (text) => {
      try {
        return record(text)
      } catch (error) {
        return error.code ?? String(error)
      }
    },
  }
}

describe('pruned images give the record of whole ones', () => {
  for (const [name, rest] of Object.entries(POLICIES)) {
    test(name, () => {
      const { pruning, record } = recorder({ id: 'p', version: '1', default: 'keep', ...rest })
      const images = new Images(pruning)
      const seen = { shorter: 0, records: 0 }
      for (let seed = 1; seed <= PAIRS; seed++) {
        const [old, now] = new Maker(seed).pair()
        const change = { entity: { type: 't', id: '1' }, action: 'update', before: old, after: now }
        const [whole, pruned] = [changeText(change, '{}'), changeText(change, '{}', { images })]
        const expected = record(whole)
        const shown = () => `seed ${seed}\n${whole}\n${pruned}`
        const got = record(pruned)
        if (got !== expected) assert.equal(got, expected, shown())
        seen.shorter += pruned.length < whole.length
        seen.records += expected.startsWith('{')
      }
      // Else nothing was put to the test.
      assert.ok(seen.records > PAIRS / 2, JSON.stringify(seen))
      assert.ok(seen.shorter > PAIRS / 4, JSON.stringify(seen))
    })
  }
})


test('arrays with equal items, which the core tells apart by where they stand', () => {
  const images = new Images()
  const diff = (texts) => Buffer.from(glue.diff(...texts.map((text) => Buffer.from(text)), {})).toString()
  let pruned = 0
  for (let seed = 1; seed <= 5 * PAIRS; seed++) {
    const maker = new Maker(seed)
    const kinds = 2 + maker.below(4)
    const item = () => (maker.chance(0.7) ? { v: maker.below(kinds) } : maker.below(kinds))
    const list = Array.from({ length: 2 + maker.below(25) }, item)
    const now = [...list]
    for (let n = maker.below(6); n >= 0; n--) {
      const at = maker.below(now.length)
      maker.pick([() => now.splice(at, 1), () => now.splice(at, 0, item()), () => (now[at] = item()), () => now.push(...now.splice(at, 1))])()
    }
    // What stands around decides which equal items the core takes for each other.
    const around = Object.fromEntries(Array.from({ length: maker.below(30) }, (_, i) => [`k${i}`, { v: maker.below(kinds) }]))
    const [before, after] = [{ ...around, list, x: 1 }, maker.chance(0.5) ? { list: now, ...around, x: 2 } : { ...around, k3: 5, x: 2, list: now }]
    const texts = images.pruned(before, after)
    if (texts === undefined) continue
    pruned++
    assert.equal(diff(texts), diff([JSON.stringify(before), JSON.stringify(after)]), `seed ${seed}`)
  }
  assert.ok(pruned > PAIRS / 10, `${pruned} pruned`)
})

class Customer {
  constructor(name) {
    this.name = name
  }
}
const own = (key, value) => Object.defineProperty({}, key, { value, enumerable: true })
const cases = {
  'Dates': [{ at: new Date(0), x: 1 }, { at: new Date(0), x: 2 }],
  'a Date and its text': [{ at: new Date(0) }, { at: new Date(0).toJSON() }],
  'an invalid Date': [{ at: new Date(NaN) }, { at: new Date(NaN) }],
  'instances': [{ c: new Customer('a'), x: 1 }, { c: new Customer('a'), x: 2 }],
  'an instance as image': [new Customer('a'), new Customer('b')],
  'toJSON that hides': [{ c: { toJSON: () => 1, p: 1 } }, { c: { toJSON: () => 1, p: 2 } }],
  'hidden toJSON': [{ c: Object.defineProperty({ p: 1 }, 'toJSON', { value: () => 1 }) }, { c: Object.defineProperty({ p: 2 }, 'toJSON', { value: () => 1 }) }],
  'hidden toJSON beside the same members': [1, 2].map((n) => ({ c: Object.defineProperty({ p: 1 }, 'toJSON', { value: () => n }) })),
  'toJSON of an array with equal items': [{ l: { toJSON: () => [1, 1, 2] } }, { l: { toJSON: () => [1, 2, 1] } }],
  'names that every object has': [{ constructor: 'a', toString: 1, x: 1 }, { x: 2 }],
  'the same, the other way': [{ x: 2 }, { constructor: 'a', valueOf: 1 }],
  'a key __proto__': [own('__proto__', { a: 1 }), own('__proto__', { a: 2 })],
  'a key __proto__ on one side': [{ a: 1 }, own('__proto__', 1)],
  'no prototype': [Object.assign(Object.create(null), { a: 1, b: 1 }), { a: 1, b: 2 }],
  'inherited members': [Object.create({ a: 1 }), { a: 1 }],
  'hidden members': [{ a: 1, b: 1 }, Object.defineProperty({ b: 1 }, 'a', { value: 1 })],
  'the same undefined': [{ a: undefined, b: 1 }, { a: undefined, b: 2 }],
  'undefined and nothing': [{ a: undefined }, {}],
  'nothing and undefined': [{}, { a: undefined }],
  'the same function': [{ a: isNaN }, { a: isNaN }],
  'the same NaN': [{ a: [NaN, 1] }, { a: [NaN, 1] }],
  'the same integer beyond 2^53': [{ a: [2 ** 60] }, { a: [2 ** 60] }],
  'the same half of a pair': [{ a: { b: '\ud800' } }, { a: { b: '\ud800' } }],
  'half of a pair as key': [{ '\ud800': { a: 1 } }, { '\ud800': { a: 2 } }],
  'holes': [{ a: [1, , 2] }, { a: [1, , 3] }],
  'BigInt': [{ a: 1n }, { a: 1n }],
  'Map': [{ a: new Map([[1, 2]]) }, { a: new Map([[1, 3]]) }],
  'minus zero': [{ a: -0 }, { a: 0 }],
  'text and object': ['{"a":1.10}', { a: 1.1 }],
  'an array and an object': [[], {}],
  'one that is empty': [{}, { a: 1 }],
}
const loop = { x: 1 }
loop.loop = [loop]
const other = { x: 1 }
other.loop = [other]
cases['cycles'] = [loop, other]

const byPosition = { arrays: [{ select: '$..*', match: 'position' }] }
const inItems = (value) => ({ list: [value, { one: [value] }] })
const partlyKnown = Object.entries(cases).flatMap(([name, [old, now]]) => [
  [name, {}, old, now],
  [`${name}, in items by position`, byPosition, inItems(old), inItems(now)],
])
for (const [name, rest, old, now] of partlyKnown) {
  test(`objects that JSON knows in part only: ${name}`, () => {
    const { pruning, record } = recorder({ id: 'p', version: '1', default: 'keep', ...rest })
    const change = { entity: { type: 't', id: '1' }, action: 'update', before: old, after: now }
    const of = (images) => {
      try {
        return record(changeText(change, '{}', { images }))
      } catch (error) {
        return { code: error.code, at: error.at }
      }
    }
    assert.deepEqual(of(new Images(pruning)), of(undefined))
  })
}

describe('what a walk costs and refuses', () => {
  const WITHOUT_POLICY = new Images()

  test('arrays within items within items: no leaf is read once for each level', () => {
    let reads = 0
    const leaf = () => ({ id: ++leaves, get value() { return reads++, 1 } })
    let leaves = 0
    // At every level ten leaves that are the same on both sides, and at the very bottom one that is not.
    const nested = (levels, last) => ({ items: [...Array.from({ length: 10 }, leaf), { id: 0, below: levels === 0 ? last : nested(levels - 1, last) }] })
    for (const levels of [10, 40]) {
      leaves = 0
      const [before, after] = [nested(levels, 1), (leaves = 0, nested(levels, 2))]
      reads = 0
      const texts = new Images().texts(before, after)
      assert.ok(reads <= 12 * 2 * leaves, `${reads} reads of ${2 * leaves} leaves`)
      assert.match(texts[1], /"below":2/)
    }
  })

  test('an object with a tag of its own is refused, equal or not, wherever it stands', () => {
    const tagged = (n) => ({ n, [Symbol.toStringTag]: 'Money' })
    const inherited = (n) => Object.create({}, { n: { value: n, enumerable: true } })
    for (const put of [(x) => ({ a: x }), (x) => ({ a: [x, 1] }), (x) => ({ a: [{ x }], b: 1 }), (x) => ({ items: [{ id: 1, x }, { id: 2 }] })]) {
      for (const n of [1, 2]) {
        for (const images of [WITHOUT_POLICY, new Images({ arrays: true, by_position: true, fold_keys: false, sets: [], keys: [], subjects: [] })]) {
          assert.throws(() => images.texts(put(tagged(1)), put(tagged(n))), { code: 'unsupported_value' })
          assert.throws(() => images.texts(put(inherited(1)), put(tagged(n))), { code: 'unsupported_value' })
        }
      }
    }
  })
})
