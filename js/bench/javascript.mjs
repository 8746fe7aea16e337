import { createCipheriv, createHmac } from 'node:crypto'
import microdiff from 'microdiff'

/**
 * The pipeline in JavaScript: JSON.parse, microdiff, a policy of patterns, AES-256-GCM per field by node:crypto,
 * JSON.stringify. The same policy, the same key derivation and the same record as the core's.
 */
export class JavascriptPipeline {
  #rules
  #keys = new Map()

  constructor(policyText, { origin, recordId, nonce }) {
    this.#rules = JSON.parse(policyText).rules.map((rule) => ({ ...rule, pattern: patternOf(rule.select) }))
    this.scope = { origin, recordId }
    this.nonce = nonce
  }

  /** Gives the entries of `changes` and of `seals`, as text. */
  run(changeText, keysOf) {
    const { before, after } = JSON.parse(changeText)
    const seals = []
    const changes = []
    for (const { type, path, oldValue, value } of microdiff(before, after, { cyclesFix: false })) {
      const pointer = `/${path.join('/')}`
      const rule = this.#rules.find(({ pattern }) => pattern.test(pointer))
      const treat = (side, v) => this.#treat(rule, side, pointer, v, `/data/changes/${changes.length}/${side}`, seals, keysOf)
      const op = { CREATE: 'add', REMOVE: 'remove', CHANGE: 'replace' }[type]
      changes.push({
        op,
        path: pointer,
        ...(type !== 'CREATE' && { old: treat('old', oldValue) }),
        ...(type !== 'REMOVE' && { new: treat('new', value) }),
      })
    }
    return JSON.stringify({ changes, seals: seals.map(({ recordKey, ...seal }) => seal) })
  }

  #treat(rule, side, pointer, value, at, seals, keysOf) {
    if (!rule || rule.action === 'keep') return value
    if (rule.action === 'mask') {
      const { last = 0 } = rule.mask
      return value.length > last ? `***${value.slice(-last)}` : '***'
    }
    let index = seals.findIndex((seal) => seal.group === rule.group)
    if (index < 0) {
      const keys = keysOf(rule.group)
      const { recordKey, commit } = derive(keys, this.scope, rule.group)
      index = seals.push({ alg: 'A256GCM-HS256', group: rule.group, kids: [keys.subjectKid, keys.periodKid], commit, at: [], recordKey }) - 1
    }
    seals[index].at.push(at)
    const json = JSON.stringify(value)
    const padded = json + ' '.repeat((16 - (Buffer.byteLength(json) % 16)) % 16)
    const cipher = createCipheriv('aes-256-gcm', seals[index].recordKey, this.nonce)
    cipher.setAAD(pae(['sealtrail/seal/v1/field', `${side}:${pointer}`]))
    const token = Buffer.concat([this.nonce, cipher.update(padded), cipher.final(), cipher.getAuthTag()])
    return `st1.${index}.${token.toString('base64url')}`
  }
}

function derive({ subjectKid, subjectKey, periodKid, periodKey }, { origin, recordId }, group) {
  const prk = createHmac('sha256', 'sealtrail/seal/v1').update(subjectKey).update(periodKey).digest()
  const expand = (label) =>
    createHmac('sha256', prk).update(pae([label, origin, recordId, group, subjectKid, periodKid])).update('\x01').digest()
  return { recordKey: expand('sealtrail/seal/v1/record-key'), commit: expand('sealtrail/seal/v1/commit').toString('base64url') }
}

function pae(parts) {
  const count = Buffer.alloc(8)
  count.writeBigUInt64LE(BigInt(parts.length))
  return Buffer.concat([count, ...parts.flatMap((part) => {
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(Buffer.byteLength(part)))
    return [length, Buffer.from(part)]
  })])
}

function patternOf(select) {
  const source = select.slice(1).replaceAll('[*]', '.*').split('.').filter(Boolean)
  return new RegExp(`^${source.map((name) => `/${name === '*' ? '[^/]+' : name}`).join('')}(/|$)`)
}
