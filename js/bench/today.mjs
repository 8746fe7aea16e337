import { createCipheriv, hkdfSync } from 'node:crypto'
import microdiff from 'microdiff'
import { envelope, info, keys, nonce, pae, policySummary } from './record.mjs'

/**
 * What a Node developer writes today: JSON.parse, microdiff, rules as regular expressions, a key and a cipher per field,
 * JSON.stringify. Bytes of a change in, bytes of its record out.
 */
export class Today {
  #policy
  #rules
  #inputKey = Buffer.concat([keys.subjectKey, keys.periodKey])

  constructor(policyText) {
    const policy = JSON.parse(policyText)
    this.#policy = policySummary(policyText, policy)
    this.#rules = policy.rules.map((rule) => ({ ...rule, pattern: patternOf(rule.select) }))
  }

  run(bytes) {
    const change = JSON.parse(bytes.toString())
    const seals = []
    const changes = microdiff(change.before, change.after, { cyclesFix: false }).map((difference, number) => {
      const { type, path, oldValue, value } = difference
      const pointer = path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
      const rule = this.#rules.find(({ pattern }) => pattern.test(pointer))
      const entry = { op: { CREATE: 'add', REMOVE: 'remove', CHANGE: 'replace' }[type], path: pointer }
      if (type !== 'CREATE') entry.old = this.#protect(rule, 'old', pointer, oldValue, number, seals)
      if (type !== 'REMOVE') entry.new = this.#protect(rule, 'new', pointer, value, number, seals)
      return entry
    })
    const data = seals.length > 0 ? { changes, seals } : { changes }
    return Buffer.from(JSON.stringify(envelope(change, this.#policy, data)))
  }

  #protect(rule, side, pointer, value, number, seals) {
    if (!rule || rule.action === 'keep') return structuredCloneOf(value)
    if (rule.action === 'mask') return value.length > rule.mask.last ? `***${value.slice(-rule.mask.last)}` : '***'
    let index = seals.findIndex((seal) => seal.group === rule.group)
    if (index < 0) {
      const commit = this.#derive('sealtrail/seal/v1/commit', rule.group).toString('base64url')
      const kids = [keys.subjectKid, keys.periodKid]
      index = seals.push({ alg: 'A256GCM-HS256', group: rule.group, kids, commit, at: [] }) - 1
    }
    seals[index].at.push(`/data/changes/${number}/${side}`)
    const json = JSON.stringify(value)
    const padded = json + ' '.repeat((16 - (Buffer.byteLength(json) % 16)) % 16)
    const recordKey = this.#derive('sealtrail/seal/v1/record-key', rule.group)
    const cipher = createCipheriv('aes-256-gcm', recordKey, nonce)
    cipher.setAAD(pae(['sealtrail/seal/v1/field', `${side}:${pointer}`]))
    const sealed = Buffer.concat([nonce, cipher.update(padded), cipher.final(), cipher.getAuthTag()])
    return `st1.${index}.${sealed.toString('base64url')}`
  }

  #derive(label, group) {
    return Buffer.from(hkdfSync('sha256', this.#inputKey, 'sealtrail/seal/v1', info(label, group), 32))
  }
}

/** The record must not change when its owner changes the object. */
function structuredCloneOf(value) {
  return value !== null && typeof value === 'object' ? structuredClone(value) : value
}

function patternOf(select) {
  const steps = select.slice(1).replaceAll('[*]', '.*').split('.').filter(Boolean)
  return new RegExp(`^${steps.map((name) => `/${name === '*' ? '[^/]+' : name}`).join('')}(/|$)`)
}
