// node collector.mjs FILE POLICY: a service that collects changes as a Node team writes it by hand, and well: NDJSON in,
// microdiff, rules, masks, AES-256-GCM under keys of HKDF, JSON lines out, one fdatasync for all that wait. Prints its port.
// It keeps the keys of its subjects in memory only, and makes no proofs.
import { createCipheriv, createHash, hkdfSync, randomBytes, randomFillSync, randomUUID } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import http from 'node:http'
import microdiff from 'microdiff'

const [file, policyFile] = process.argv.slice(2)
const policyText = await readFile(policyFile)
const policy = JSON.parse(policyText)
const summary = { id: policy.id, version: policy.version, sha256: createHash('sha256').update(policyText).digest('hex') }
const rules = policy.rules.map((rule) => ({ ...rule, pattern: patternOf(rule.select) }))
const ruleOfPath = new Map()
const log = await open(file, 'a')

// Keys: one of each subject, one of the period.
const period = { kid: 't_default.2026-11', key: randomBytes(32) }
const subjects = new Map()
const nonces = Buffer.alloc(12 * 1024)
let nonceAt = nonces.length

// Group commit: what comes while a sync is under way waits for the next one.
let waiting = []
let committing = false
let index = 0

const server = http.createServer((req, res) => {
  const pieces = []
  req.on('data', (piece) => pieces.push(piece))
  req.on('end', async () => {
    const receipts = []
    const lines = []
    for (const text of (pieces.length === 1 ? pieces[0] : Buffer.concat(pieces)).toString().split('\n')) {
      if (text === '') continue
      try {
        const { id, line } = record(JSON.parse(text))
        lines.push(line)
        receipts.push({ status: 'recorded', id, index: 0 })
      } catch (error) {
        receipts.push({ status: 400, code: 'malformed_json', detail: error.message })
      }
    }
    if (lines.length > 0) {
      const first = await commit(lines)
      let at = first
      for (const receipt of receipts) if (receipt.id) receipt.index = at++
    }
    const body = Buffer.from(receipts.map((receipt) => JSON.stringify(receipt)).join('\n') + '\n')
    res.writeHead(200, { 'content-type': 'application/x-ndjson', 'content-length': body.length }).end(body)
  })
})
server.listen(0, '127.0.0.1', () => console.log(server.address().port))

function commit(lines) {
  return new Promise((resolve, reject) => {
    waiting.push({ lines, resolve, reject })
    if (!committing) run()
  })
}

async function run() {
  committing = true
  while (waiting.length > 0) {
    const taken = waiting
    waiting = []
    try {
      await log.appendFile(taken.flatMap(({ lines }) => lines).join('\n') + '\n')
      await log.datasync()
      for (const { lines, resolve } of taken) {
        resolve(index)
        index += lines.length
      }
    } catch (error) {
      for (const { reject } of taken) reject(error)
    }
  }
  committing = false
}

function record({ entity, action, before, after, context }) {
  const [id, time] = [randomUUID(), new Date().toISOString()]
  const subject = `${entity.type}/${entity.id}`
  const seals = []
  const ciphers = []
  const changes = microdiff(before ?? {}, after ?? {}, { cyclesFix: false }).map((difference, number) => {
    const { type, path, oldValue, value } = difference
    const pointer = path.map((key) => `/${typeof key === 'number' ? key : escaped(key)}`).join('')
    const rule = ruleOf(pointer)
    const entry = { op: type === 'CREATE' ? 'add' : type === 'REMOVE' ? 'remove' : 'replace', path: pointer }
    if (type !== 'CREATE') entry.old = protect(rule, 'old', pointer, oldValue, number)
    if (type !== 'REMOVE') entry.new = protect(rule, 'new', pointer, value, number)
    return entry
  })
  const data = { entity, action, changes }
  if (seals.length > 0) data.seals = seals
  data.policy = summary
  const line = JSON.stringify({
    specversion: '1.0', id, source: 'bench/sidecar', type: `sealtrail.change.${action}.v1`, subject, time,
    datacontenttype: 'application/json', recordedtime: time, correlationid: context.correlation_id, data,
  })
  return { id, line }

  function protect(rule, side, pointer, value, number) {
    if (!rule || rule.action === 'keep') return value
    if (rule.action === 'mask') return value.length > rule.mask.last ? `***${value.slice(-rule.mask.last)}` : '***'
    let at = seals.findIndex((seal) => seal.group === rule.group)
    if (at < 0) {
      // One record key a data group, derived once for all its fields.
      const keys = keysOf(subject)
      const info = (label) => pae([label, 'bench/sidecar', id, rule.group, keys.kid, period.kid])
      const derive = (label) => Buffer.from(hkdfSync('sha256', keys.material, 'sealtrail/seal/v1', info(label), 32))
      ciphers.push(derive('sealtrail/seal/v1/record-key'))
      const commit = derive('sealtrail/seal/v1/commit').toString('base64url')
      at = seals.push({ alg: 'A256GCM-HS256', group: rule.group, kids: [keys.kid, period.kid], commit, at: [] }) - 1
    }
    seals[at].at.push(`/data/changes/${number}/${side}`)
    const json = JSON.stringify(value)
    const nonce = nextNonce()
    const cipher = createCipheriv('aes-256-gcm', ciphers[at], nonce)
    cipher.setAAD(pae(['sealtrail/seal/v1/field', `${side}:${pointer}`]))
    const sealed = cipher.update(json + ' '.repeat((16 - (Buffer.byteLength(json) % 16)) % 16))
    cipher.final()
    return `st1.${at}.${Buffer.concat([nonce, sealed, cipher.getAuthTag()]).toString('base64url')}`
  }
}

function keysOf(subject) {
  let keys = subjects.get(subject)
  if (!keys) {
    keys = { kid: `k_${randomBytes(16).toString('base64url')}`, material: Buffer.concat([randomBytes(32), period.key]) }
    subjects.set(subject, keys)
  }
  return keys
}

function nextNonce() {
  if (nonceAt === nonces.length) {
    randomFillSync(nonces)
    nonceAt = 0
  }
  return nonces.subarray(nonceAt, (nonceAt += 12))
}

/** Paths repeat, so what a rule says of one is kept, up to a bound. */
function ruleOf(pointer) {
  let rule = ruleOfPath.get(pointer)
  if (rule === undefined) {
    rule = rules.find(({ pattern }) => pattern.test(pointer)) ?? null
    if (ruleOfPath.size < 10_000) ruleOfPath.set(pointer, rule)
  }
  return rule
}

function patternOf(select) {
  const steps = select.slice(1).replaceAll('[*]', '.*').split('.').filter(Boolean)
  return new RegExp(`^${steps.map((name) => `/${name === '*' ? '[^/]+' : name}`).join('')}(/|$)`)
}

function escaped(key) {
  return key.includes('~') || key.includes('/') ? key.replaceAll('~', '~0').replaceAll('/', '~1') : key
}

function pae(parts) {
  const out = Buffer.allocUnsafe(parts.reduce((sum, part) => sum + 8 + Buffer.byteLength(part), 8))
  out.writeUInt32LE(parts.length)
  out.writeUInt32LE(0, 4)
  let at = 8
  for (const part of parts) {
    out.writeUInt32LE(Buffer.byteLength(part), at)
    out.writeUInt32LE(0, at + 4)
    at += 8 + out.write(part, at + 8)
  }
  return out
}
