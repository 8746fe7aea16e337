import { createHash, randomBytes } from 'node:crypto'
import { uuidv7 } from '../src/correlation.js'

export const POLICY = JSON.stringify({
  id: 'p', version: '1', default: 'keep',
  rules: [{ select: '$.email', action: 'seal', group: 'contact' }, { select: '$.tax', action: 'pseudonym', group: 'tax' }],
})

/**
 * The sidecar's routes for who seals in his own process, as far as the package sees them. Its keys come from nowhere: who
 * seals cannot tell.
 */
export class Lessor {
  policy = POLICY
  lifetime = 30_000
  /** What was leased and not used up, and what is in the log, by the record's id. */
  leases = new Map()
  records = new Map()
  /** The changes that have a record, by their ids. */
  changes = new Map()
  reveals = 0

  /** The answer to a request, as `[status, body]`; none where it is of another route. */
  answer(method, url, body) {
    const [, id, leaf] = /^\/v1\/records\/([^/]+)(\/lease)?$/.exec(url) ?? []
    if (url === '/v1/policy') return [200, this.policy]
    if (url === '/v1/leases') return [200, lines(body, (line) => this.lease(JSON.parse(line)))]
    if (url === '/v1/records') return [200, lines(body, (line) => this.take(line))]
    if (id && !this.records.has(id)) return [404, JSON.stringify({ code: 'not_found', title: 'no such record' })]
    if (leaf) return [200, JSON.stringify(this.leaseForReading(id, JSON.parse(body)))]
    if (id) return [200, this.records.get(id).line]
    return undefined
  }

  lease({ policy, needs }) {
    if (policy !== undefined && policy !== digest(this.policy)) return { code: 'policy_changed', status: 409, title: 'another policy' }
    const stamp = { origin: 'shop.example/log', id: uuidv7(), recorded_time: new Date().toISOString() }
    const key = () => randomBytes(32).toString('base64url')
    const keys = needs.map(({ use, retain }, n) => ({ kids: [`k_${n}`, `t_${retain}.2026-11`], key: key(), ...(use === 'pseudonym' ? {} : { commit: key() }) }))
    const lease = { stamp, policy: digest(this.policy), expires_in_ms: this.lifetime, keys }
    this.leases.set(stamp.id, lease)
    return lease
  }

  take(line) {
    const { id, correlationid, data } = JSON.parse(line)
    const before = this.records.get(id)
    if (before?.line === line) return before.receipt
    const lease = this.leases.get(id)
    if (lease === undefined) return { code: 'not_leased', status: 409, title: 'not leased' }
    if (data.policy.sha256 !== digest(this.policy)) return { code: 'policy_changed', status: 409, title: 'another policy' }
    if (this.changes.has(data.change_id)) return this.changes.get(data.change_id)
    const receipt = { id, index: this.records.size, status: 'recorded', correlation_id: correlationid }
    this.records.set(id, { line, receipt, lease })
    this.changes.set(data.change_id, receipt)
    this.leases.delete(id)
    return receipt
  }

  leaseForReading(record, { group }) {
    this.reveals++
    const { seals } = JSON.parse(this.records.get(record).line).data
    const { keys, stamp } = this.records.get(record).lease
    const sealing = keys.filter(({ commit }) => commit)
    const lent = seals.flatMap((seal, index) => (seal.group === group ? [{ seal: index, ...sealing[index] }] : []))
    return { record, group, origin: stamp.origin, expires_in_ms: this.lifetime, keys: lent, reveal: uuidv7(), reveal_index: this.reveals }
  }
}

export function digest(text) {
  return createHash('sha256').update(text).digest('hex')
}

function lines(body, answer) {
  return body.trimEnd().split('\n').map((line) => `${JSON.stringify(answer(line))}\n`).join('')
}
