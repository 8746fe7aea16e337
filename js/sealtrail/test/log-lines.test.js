import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { loadEngine } from 'sealtrail'
import * as glue from '../dist/wasm/sealtrail.js'
import { LogLines } from '../src/log-lines.js'

const KEPT = JSON.stringify({ id: 'kept', version: '1', default: 'drop', rules: [{ select: '$.level', action: 'keep' }, { select: '$.msg', action: 'keep' }] })
const RULES = [
  { select: '$.title', action: 'keep' },
  { select: '$.customer.email', action: 'seal', group: 'contact' },
  { select: '$.name', action: 'seal', group: 'contact' },
  { select: '$.items[*].note', action: 'seal', group: 'notes' },
  { select: '$.iban', action: 'mask', mask: { first: 2, last: 2 } },
  { select: '$.phone', action: 'mask' },
  { select: '$.internal', action: 'drop' },
  { select: '$.plan', action: 'pseudonym', group: 'tier' },
]
const POLICIES = {
  'a default that keeps': { default: 'keep', rules: RULES },
  'a default that seals': { default: 'seal', rules: RULES },
  'a default that drops': { default: 'drop', rules: RULES },
  'secrets in clear': { default: 'keep', secrets: false, rules: RULES },
  'folded keys': { default: 'keep', fold_keys: true, rules: RULES },
  'a rule for all names below': { default: 'keep', rules: [...RULES, { select: '$..sku', action: 'seal', group: 'wares' }] },
}

before(loadEngine)

/** A walk, and the core that it must agree with. */
function both(policy) {
  const core = new glue.Redactor(encoded(JSON.stringify({ id: 'p', version: '1', ...policy })), encoded(KEPT))
  return { core, lines: new LogLines(core) }
}

for (const [name, policy] of Object.entries(POLICIES)) {
  test(`the same line as the core's: ${name}`, () => {
    const { core, lines } = both(policy)
    const random = generator(11)
    let walked = 0
    for (let n = 0; n < 3_000; n++) {
      const line = `${written(random)}\n`
      const outcome = lines.redacted(line)
      if (outcome === undefined) continue
      walked++
      assert.equal(outcome, core.redact(line), line)
    }
    assert.ok(walked > 2_700, String(walked))
  })

  test(`no line that the core refuses, and no other spelling: ${name}`, () => {
    const { core, lines } = both(policy)
    const random = generator(23)
    let refused = 0
    for (let n = 0; n < 6_000; n++) {
      const line = damaged(written(random), random)
      let expected
      try {
        expected = core.redact(line)
      } catch {
        refused++
      }
      const outcome = lines.redacted(line)
      if (outcome !== undefined) assert.equal(outcome, expected, line)
    }
    assert.ok(refused > 2_000, String(refused))
  })
}

test('what is not known for certain is left to the core', () => {
  const { lines } = both(POLICIES['a default that keeps'])
  assert.equal(lines.redacted('{"level":30,"a":[{"b":1}],"msg":"x"}\n'), '{"level":30,"a":[{"b":1}],"msg":"x"}')
  const deep = (levels) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`
  assert.equal(lines.redacted(deep(30)), deep(30))
  for (const line of [
    '{"level":30', '{"level":30,"a":[{"b":1}],"msg":"x"', '{"level":', '{"a":"', '{"a":"\\', '{"a":"\\u001', '{"a":tru', '{"a":-', '{', '',
    '{"a":1,"a":2}', '{"a":{"b":1,"c":2,"b":3}}', '{"a":1,"\\u0061":2}', '{ "a":1}', '{"a": 1}', '{"a":1 }', '{"a":1}\n\n', '{"a":1}{}',
    '{"a":01}', '{"a":1.}', '{"a":1e}', '{"a":+1}', '{"a":.5}', '{"a":nul}', '{"a":"\t"}', '{"a":"\\/"}', '{"a":"\\u0041"}', '{"a":"\\u001F"}', '{"a":"\\u000a"}',
    '{"a":"\ud800"}', '{"a":"\ude00\ud83d"}', '{"a":"\ud83d', '{"\ud800":1}', '{"a":[1,]}', '{"a":[,1]}', '{"a":1,}', '[]', '7', 'null', '{"a":{]}', '{"a":[}]',
    deep(100), `{"a":"${'x'.repeat(300_000)}"}`, `{"${'k'.repeat(100)}":1}`,
  ]) {
    assert.equal(lines.redacted(line), undefined, line.slice(0, 100))
  }
})

test('names that are data do not fill the memory, and all stays right', () => {
  const { core, lines } = both(POLICIES['a default that keeps'])
  let asked = 0
  const { treatment } = core
  core.treatment = (path) => (asked++, treatment.call(core, path))
  for (let n = 0; n < 10_000; n++) {
    const line = `{"level":30,"by":{"id-${n}":{"name":"Ada","n":${n}}},"msg":"x"}`
    assert.equal(lines.redacted(line) ?? core.redact(line), core.redact(line))
  }
  // 512 at once, after each of at most three times that all is forgotten too, and one with each line.
  assert.ok(asked > 4096 && asked <= 10_000 + 4 * 512, String(asked))
  const again = asked
  for (let n = 0; n < 100; n++) lines.redacted('{"level":30,"msg":"x"}')
  assert.ok(asked - again <= 2, 'what was forgotten is asked for once')
})

test('a place is asked for once, and a part of a line does not keep the line', () => {
  const { core, lines } = both(POLICIES['a default that keeps'])
  const paths = []
  const { treatment } = core
  core.treatment = (path) => (paths.push(path), treatment.call(core, path))
  for (const name of ['Ada', 'Grace']) {
    lines.redacted(`{"customer":{"email":"${name}"},"items":[{"note":"${name}"},{"sku":"a","note":"b"}]}`)
  }
  assert.deepEqual(paths, ['["customer"]', '["customer","email"]', '["items"]', '["items",null]', '["items",null,"note"]', '["items",null,"sku"]'])
})

const KEYS = ['title', 'customer', 'email', 'Email', 'name', 'items', 'note', 'iban', 'phone', 'internal', 'plan', 'sku', 'password', 'user_token', 'a b', 'é', '__proto__', '']
const TEXTS = [
  'plain', '', 'DE89370400440532013000', '4111 1111 1111 1111', 'paid with 4111111111111111 today', '4111 1111 1111 1112', 'line\nend\t"quoted" \\', '\u001b[31mred\u0000',
  'Zoë \u{1f600}', 'a\u2028b', '1795290300047', '000000000000000000', '\u007f/',
]
const NUMBERS = ['0', '-0', '1', '-1.5', '1795290300047', '4111111111111111', '-4111111111111111', '4111111111111111.0', '4.111111111111111e15', '2.0470010042190552', '1e400', '12345678901234567890123', '1E+2', '5555555555554444']

/** A line as pino writes it. */
function written(random) {
  const pick = (from) => from[Math.floor(random() * from.length)]
  const value = (depth) => {
    const kind = random()
    if (depth < 5 && kind < 0.25) return object(depth)
    if (depth < 5 && kind < 0.4) return `[${Array.from({ length: Math.floor(random() * 4) }, () => value(depth + 1)).join()}]`
    if (kind < 0.7) return JSON.stringify(pick(TEXTS))
    return kind < 0.85 ? pick(NUMBERS) : pick(['true', 'false', 'null', '{}', '[]'])
  }
  const object = (depth) => {
    const keys = new Set(Array.from({ length: Math.floor(random() * 5) }, () => pick(KEYS)))
    return `{${Array.from(keys, (key) => `${JSON.stringify(key)}:${value(depth + 1)}`).join()}}`
  }
  const fields = object(0).slice(1, -1)
  return `{"level":30,"time":1795290300047${fields && ','}${fields},"msg":${JSON.stringify(pick(TEXTS))}}`
}

/** The same with something put in, taken out, doubled or exchanged. */
function damaged(line, random) {
  const at = Math.floor(random() * line.length)
  const other = ' ,:{}[]"\\u09aeE.-\n\ud83d\u0000'[Math.floor(random() * 18)]
  const part = line.slice(at, at + Math.floor(random() * 20))
  const kind = Math.floor(random() * 5)
  if (kind === 0) return line.slice(0, at)
  return line.slice(0, at) + [, other + line.slice(at), other + line.slice(at + 1), line.slice(at + 1), part + line.slice(at)][kind]
}

function encoded(text) {
  return new TextEncoder().encode(text)
}

/** A small generator, so that a failure comes again. */
function generator(seed) {
  return () => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return seed / 2 ** 32
  }
}
