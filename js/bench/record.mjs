import { createHash } from 'node:crypto'

/** What a host gives beside the change: fixed, so that every pipeline gives the same bytes. */
export const origin = 'bench'
export const recordId = '019aa6c5-8f00-7000-8000-0000000000ab'
export const recordedTime = '2026-11-21T19:45:00.047Z'
export const engine = { version: '0.1.0', sha256: '0'.repeat(64) }
export const keys = {
  subjectKid: 'k_bench', subjectKey: Buffer.alloc(32, 1),
  periodKid: 't_standard.2026-11', periodKey: Buffer.alloc(32, 2),
}
// The same nonce twice is for a benchmark only: to draw one is the same work in every pipeline.
export const nonce = Buffer.alloc(12)
export const correlationId = 'bench'

/** The record around its changes and seals, as an object in the order of its line. */
export function envelope({ entity, action }, policy, data) {
  return {
    specversion: '1.0',
    id: recordId,
    source: origin,
    type: `sealtrail.change.${action}.v1`,
    subject: `${entity.type}/${entity.id}`,
    time: recordedTime,
    datacontenttype: 'application/json',
    recordedtime: recordedTime,
    correlationid: correlationId,
    data: { entity: { type: entity.type, id: entity.id }, action, ...data, policy, engine },
  }
}

export function policySummary(text, { id, version }) {
  return { id, version, sha256: createHash('sha256').update(text).digest('hex') }
}

/** What HKDF binds a key of this record to. */
export function info(label, group) {
  return pae([label, origin, recordId, group, keys.subjectKid, keys.periodKid])
}

export function pae(parts) {
  const size = parts.reduce((sum, part) => sum + 8 + Buffer.byteLength(part), 8)
  const out = Buffer.alloc(size)
  out.writeUInt32LE(parts.length)
  let at = 8
  for (const part of parts) {
    out.writeUInt32LE(Buffer.byteLength(part), at)
    at += 8 + out.write(part, at + 8)
  }
  return out
}
