import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { before, describe, test } from 'node:test'
import { createTrail, loadEngine, SealtrailError, verifyProof } from 'sealtrail'
import { goldenRecord, newWitness } from './witness.js'

const shared = (name) => readFile(new URL(`../../../tests/${name}`, import.meta.url))

let engine
before(async () => {
  engine = await loadEngine()
})

describe('diff', () => {
  test('changes, patch and text of objects', () => {
    const [was, is] = [{ a: 1, b: [1, 2] }, { a: 2, b: [1], c: null }]
    assert.deepEqual(engine.diff(was, is), [
      { op: 'replace', path: '/a', old: 1, new: 2 },
      { op: 'remove', path: '/b/1', old: 2 },
      { op: 'add', path: '/c', new: null },
    ])
    assert.deepEqual(engine.diff(was, is, { format: 'patch' })[0], { op: 'replace', path: '/a', value: 2 })
    assert.match(engine.diff(was, is, { format: 'text' }), /^~ \/a: 1 → 2\n/)
    assert.deepEqual(engine.diff(was, was), [])
  })

  test('numbers are compared by value and, raw, kept as written', () => {
    assert.deepEqual(engine.diff('{"n":1.10}', Buffer.from('{"n":1.1e0}')), [])
    const raw = engine.diff('{"n":12345678901234567890123}', '{"n":12345678901234567890124}', { raw: true })
    assert.equal(raw, '[{"op":"replace","path":"/n","old":12345678901234567890123,"new":12345678901234567890124}]')
  })

  test('a policy can say what is no change', () => {
    const policy = { id: 'p', version: '1', default: 'keep', ignore: ['$.at'] }
    assert.deepEqual(engine.diff({ at: 1 }, { at: 2 }, { policy }), [])
  })

  const bad = [
    ['{"a":\n x}', 'malformed_json', { line: 2, column: 2 }],
    ['{"a":1,"a":2}', 'duplicate_key', { line: 1, column: 8 }],
    ['"\\ud800"', 'lone_surrogate', { line: 1, column: 2 }],
    ['['.repeat(200) + ']'.repeat(200), 'too_deep', { line: 1, column: 129 }],
    ['"\ud800"', 'lone_surrogate', { pointer: '/before' }],
    [undefined, 'missing_field', { pointer: '/before' }],
    [{ n: NaN }, 'number_not_finite', { pointer: '/before/n' }],
  ]
  for (const [given, code, at] of bad) {
    test(`refuses with its place: ${code} ${JSON.stringify(at)}`, () => {
      assert.throws(() => engine.diff(given, '{}'), (error) => {
        assert.ok(error instanceof SealtrailError)
        assert.equal(error.code, code)
        assert.deepEqual(error.at, at)
        return true
      })
    })
  }
})

describe('lint', () => {
  test('what a policy says in vain, and keeps that looks personal', () => {
    const policy = { id: 'p', version: '1', default: 'keep', rules: [{ select: '$.email', action: 'keep' }] }
    const findings = engine.lint(policy, [{ email: 'ada@example.com' }, '{"a":1.10}'])
    assert.deepEqual(
      findings.map(({ code, at, path, severity }) => [code, at, path, severity]),
      [
        ['personal_kept', '/rules/0', '/email', 'warning'],
        ['unnamed', '/default', '/a', 'warning'],
      ],
    )
    assert.ok(!JSON.stringify(findings).includes('ada@'))
    assert.deepEqual(engine.lint(JSON.stringify(policy)), [])
  })

  test('refuses a wrong policy and a wrong sample', () => {
    assert.throws(() => engine.lint({ id: 'p' }), { code: 'policy_invalid' })
    const policy = { id: 'p', version: '1', default: 'keep' }
    assert.throws(() => engine.lint(policy, [{}, '{"a":1,"a":2}']), { code: 'duplicate_key', message: /sample 2/ })
    assert.throws(() => engine.lint(policy, ['"\ud800"']), { code: 'lone_surrogate', at: { pointer: '/samples/0' } })
  })
})

describe('preview', () => {
  test('the context is the one that is given, or that of the change', () => {
    const [policy, change] = [{ id: 'p', version: '1', default: 'keep' }, { entity: { type: 'x', id: 1 }, action: 'create', before: null, after: {} }]
    const correlated = (...given) => engine.preview(policy, ...given).record.correlationid
    const within = { ...change, context: { correlation_id: 'of-the-change' } }
    assert.deepEqual([correlated(within), correlated(JSON.stringify(within)), correlated(within, { correlation_id: 'given' })], ['of-the-change', 'of-the-change', 'given'])
  })

  test('a getter that throws is an error with a code', () => {
    const image = Object.defineProperty({}, 'a', { enumerable: true, get() { throw new Error('canary') } })
    for (const images of [[image, {}], [{}, image], [image, image]]) assert.throws(() => engine.diff(...images), { name: 'SealtrailError', code: 'unsupported_value' })
  })

  const policy = {
    id: 'shop',
    version: '1',
    default: 'seal',
    rules: [
      { select: '$.title', action: 'keep' },
      { select: '$.email', action: 'seal', group: 'contact' },
      { select: '$.internal', action: 'drop' },
    ],
  }
  const change = {
    entity: { type: 'customer', id: 3 },
    action: 'update',
    before: { title: 'a', email: 'ada@example.com', internal: 1, other: 1 },
    after: { title: 'b', email: 'eve@example.com', internal: 2, other: 2 },
  }

  test('what would be stored, and which rule decided', async () => {
    const trail = await createTrail({ url: 'http://127.0.0.1:1', service: 'shop', policy })
    const { outcome, record, fields } = trail.run({ correlationId: 'c-1' }, () => trail.preview(change))
    assert.equal(outcome, 'record')
    assert.equal(record.source, 'shop')
    assert.equal(record.correlationid, 'c-1')
    assert.equal(record.subject, 'customer/3')
    assert.equal(record.data.policy.sha256, engine.policySummary(policy).sha256)
    assert.doesNotMatch(JSON.stringify(record), /example\.com|internal/)
    const decided = fields.filter(({ side }) => side === 'new').map(({ path, action, because }) => `${path} ${action} ${because}`)
    assert.deepEqual(decided, [
      '/title keep rules[0] $.title', '/email seal rules[1] $.email', '/internal drop rules[2] $.internal', '/other seal default',
    ])
  })

  test('nothing changed: no record', async () => {
    const same = { ...change, after: change.before }
    assert.deepEqual([engine.preview(policy, same).outcome, engine.preview(policy, same).record], ['unchanged', null])
  })

  test('a policy that is wrong is refused when the trail is made', async () => {
    const options = (more) => ({ url: 'http://x', policy: { ...policy, ...more } })
    await assert.rejects(createTrail(options({ rules: [{ select: '$.[', action: 'keep' }] })), { code: 'selector_invalid' })
    await assert.rejects(createTrail(options({ rule: [] })), { code: 'policy_invalid' })
    const none = await createTrail({ url: 'http://x' })
    assert.throws(() => none.preview(change), { code: 'policy_missing' })
    assert.throws(() => none.preview({ ...change, action: 'archive' }, { policy }), { code: 'unknown_action' })
  })

  test('the first users\' audit object, exactly as it is: six, three and two changes', async () => {
    const object = await shared('first-users/audit-object.json')
    const paths = (more) =>
      engine.preview({ id: 'p', version: '1', default: 'keep', ...more }, object).record.data.changes.map(({ path }) => path).sort()
    assert.equal(paths({}).length, 6)
    assert.deepEqual(paths({ fold_keys: true }), ['/inventory', '/sku_id', '/title'])
    assert.deepEqual(paths({ fold_keys: true, ignore: ['$.sku_id'] }), ['/inventory', '/title'])
  })
})

describe('verifyProof', () => {
  // RFC 6962 section 2.1, written for this test and from nothing of the product.
  const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash('sha256')).digest()
  const leaf = (line) => sha256(Buffer.of(0), sha256(line))
  const split = (n) => 2 ** Math.floor(Math.log2(n - 1))
  const root = (leaves) =>
    leaves.length === 1 ? leaves[0] : sha256(Buffer.of(1), root(leaves.slice(0, split(leaves.length))), root(leaves.slice(split(leaves.length))))
  function path(index, leaves) {
    if (leaves.length === 1) return []
    const k = split(leaves.length)
    return index < k
      ? [...path(index, leaves.slice(0, k)), root(leaves.slice(k))]
      : [...path(index - k, leaves.slice(k)), root(leaves.slice(0, k))]
  }

  let lines, checkpoint, vkey
  before(async () => {
    lines = (await shared('vectors/golden-log-257/entries/00000000000000000000.jsonl')).toString().trimEnd().split('\n')
    checkpoint = (await shared('vectors/golden-log-257/checkpoint')).toString()
    vkey = (await shared('vectors/golden-log-257/log.vkey')).toString()
  })

  const proofOf = (index) =>
    ['c2sp.org/tlog-proof@v1', `index ${index}`, ...path(index, lines.map(leaf)).map((hash) => hash.toString('base64')), '', checkpoint].join('\n')

  test('every kind of place in the golden log', async () => {
    for (const index of [0, 1, 127, 255, 256]) {
      const proven = await verifyProof(proofOf(index), lines[index], vkey)
      assert.deepEqual(proven, {
        origin: 'sealtrail.test/log1', index, size: 257, root: 'HdrG7YC4dQ541EDYLBPCVpxdFPZcekxJUv5oyI2nmoM=',
      })
    }
    await verifyProof(Buffer.from(proofOf(9)), Buffer.from(`${lines[9]}\n`), vkey)
  })

  test('anything else fails, each by its code', async () => {
    const proof = proofOf(9)
    const foreign = vkey.replace('log1', 'log2')
    const cases = [
      [proof, lines[10], vkey, 'proof_mismatch'],
      [proof, lines[9].replace('27', '28'), vkey, 'proof_mismatch'],
      [proof.replace('index 9', 'index 8'), lines[9], vkey, 'proof_mismatch'],
      [proof.replace('\n257\n', '\n256\n'), lines[9], vkey, 'proof_bad_signature'],
      [proof, lines[9], foreign, undefined],
      [proof.replace('@v1', '@v2'), lines[9], vkey, 'proof_malformed'],
      ['', lines[9], vkey, 'proof_malformed'],
      [proof, lines[9], 'no key', 'proof_malformed'],
    ]
    for (const [given, line, key, code] of cases) {
      await assert.rejects(verifyProof(given, line, key), (error) => {
        assert.ok(error instanceof SealtrailError)
        assert.match(error.code, /^proof_/)
        if (code) assert.equal(error.code, code)
        return true
      })
    }
  })
})

describe('verifyProof with a witness policy', () => {
  const [ours, theirs, stranger] = ['w1.example', 'w2.example', 'w3.example'].map(newWitness)
  const policy = (rest) => `# who is believed\nwitness ours ${ours.vkey}\nwitness theirs ${theirs.vkey} https://w2.example\n${rest}`
  const both = policy('group both all ours theirs\nquorum both\n')
  const either = policy('group either any ours theirs\nquorum either\n')
  const time = 1_795_000_000
  let line, proof, vkey, once, twice
  before(async () => {
    ({ line, proof, vkey } = await goldenRecord())
    once = stranger.cosign(ours.cosign(proof, time), time)
    twice = theirs.cosign(once, time + 1)
  })

  test('says who of the policy cosigned, and when', async () => {
    const proven = await verifyProof(twice, line, vkey, { witnessPolicy: both })
    const witnesses = [{ name: 'ours', time }, { name: 'theirs', time: time + 1 }]
    assert.deepEqual(proven, { origin: 'sealtrail.test/log1', index: 256, size: 257, root: 'HdrG7YC4dQ541EDYLBPCVpxdFPZcekxJUv5oyI2nmoM=', witnesses })
    assert.deepEqual((await verifyProof(once, line, vkey, { witnessPolicy: Buffer.from(either) })).witnesses, [witnesses[0]])
    assert.deepEqual(engine.verifyProof(once, line, vkey, { witnessPolicy: either }).witnesses, [witnesses[0]])
    assert.deepEqual((await verifyProof(proof, line, vkey, { witnessPolicy: policy('quorum none\n') })).witnesses, [])
    assert.deepEqual((await verifyProof(twice, line, vkey, { witnessPolicy: policy(`log ${vkey}\nquorum ours\n`) })).witnesses.length, 2)
  })

  test('without one nobody asks, and nothing is said of witnesses', async () => {
    for (const options of [undefined, {}, { witnessPolicy: undefined }]) {
      assert.deepEqual(Object.keys(await verifyProof(twice, line, vkey, options)).sort(), ['index', 'origin', 'root', 'size'])
    }
  })

  test('too few cosignatures, a forged one, another log and a policy that cannot be read each have their code', async () => {
    // The time is signed: that of another second is no cosignature of this witness.
    const forged = once.replace(/(w1\.example )(\S+)/, (_, name, text) => {
      const bytes = Buffer.from(text, 'base64')
      bytes[11] ^= 1
      return name + bytes.toString('base64')
    })
    const elsewhere = policy(`log ${vkey.trim().replace('log1', 'log2')}\nquorum ours\n`)
    const other = 'arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f'
    const cases = [
      [once, both, 'proof_not_witnessed', /^the quorum is not met: expected 2 of `ours`, `theirs` for `both`, got 1; cosigned by `ours`$/],
      [proof, either, 'proof_not_witnessed', /cosigned by none of the policy's witnesses$/],
      [forged, either, 'proof_bad_signature', /w1\.example/],
      [twice.replace('\n257\n', '\n258\n'), both, 'proof_bad_signature', /sealtrail\.test\/log1/],
      [twice, policy(`log ${other}\nquorum ours\n`), 'proof_foreign', /a log of the witness policy/],
      [twice, elsewhere, 'proof_malformed', /^malformed witness policy: line 4: /],
      [twice, both.trimEnd(), 'proof_malformed', /^malformed witness policy: line 5: expected a line feed/],
      [twice, '', 'proof_malformed', /expected a `quorum` line/],
    ]
    for (const [given, witnessPolicy, code, message] of cases) {
      await assert.rejects(verifyProof(given, line, vkey, { witnessPolicy }), { name: 'SealtrailError', code, message })
    }
    await assert.rejects(verifyProof(twice, `${line} `, vkey, { witnessPolicy: both }), { code: 'proof_mismatch' })
  })
})
