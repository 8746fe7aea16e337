/** The first line of a witness policy (C2SP tlog-policy), after empty ones and comments. */
const WITNESS_POLICY = /^(?:[ \t]*(?:#[^\n\0]*)?\r?\n)*[ \t]*(?:log|witness|group|quorum)[ \t][^\n\0]*(?:\n|$)/

/**
 * What somebody dropped: a proof begins with its version, a verifier key is one line of three parts, a witness policy a
 * line for each log and witness, a record an object.
 */
export function kindOf(text) {
  if (text.startsWith('c2sp.org/tlog-proof@')) return 'proof'
  if (/^\s*\S+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+\s*$/.test(text)) return 'vkey'
  if (text.trimStart().startsWith('{')) return 'line'
  if (WITNESS_POLICY.test(text)) return 'witnessPolicy'
  return undefined
}

/** The record and the proof that a certificate of erasure holds; undefined where the text is none. */
export function certificateOf(text) {
  if (!text.includes('sealtrail certificate of erasure')) return undefined
  try {
    const { format, record, proof } = JSON.parse(text)
    const isOne = /^sealtrail certificate of erasure v\d+$/.test(format) && typeof record === 'string' && typeof proof === 'string'
    return isOne ? { line: record, proof } : undefined
  } catch {
    return undefined
  }
}

/** What a record says of itself, for a person; nothing where it is no record. */
export function recordOf(line) {
  try {
    const { id, time, subject, type, correlationid, authtype, authid } = JSON.parse(line)
    if (typeof id !== 'string') return []
    const kind = /^sealtrail\.(?:change\.)?(.+)\.v\d+$/.exec(type)?.[1] ?? type
    const who = authid && `${authtype ?? ''} ${authid}`.trim()
    return Object.entries({ 'What': kind, 'Of': subject, 'When': time, 'Who': who, 'Request': correlationid, 'Record': id }).filter(
      ([, said]) => typeof said === 'string',
    )
  } catch {
    return []
  }
}

/** Who cosigned a checkpoint, and when, for a person. */
export function cosignedBy(witnesses) {
  if (witnesses.length === 0) return 'cosigned by none of the witnesses, and the policy asks for none'
  const said = witnesses.map(({ name, time }) => {
    const moment = new Date(1000 * time)
    // A cosignature may say any number of seconds.
    return Number.isNaN(moment.getTime()) ? name : `${name} (${moment.toISOString().replace('T', ' ').replace('.000Z', 'Z')})`
  })
  return `cosigned by ${said.join(', ')}`
}

/** Why the hash of a text that looks like a record cannot be that of the record. */
export function lineTrouble(line) {
  const lines = line.replace(/\r?\n$/, '').split('\n').length
  if (lines > 1) return `This is ${lines} lines, and a record is one: as it stands in the log, not as a tool prints it.`
  if (/\r\n?$/.test(line)) return 'The line ends with a carriage return, which the log\'s lines do not have.'
  return undefined
}
