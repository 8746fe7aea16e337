/**
 * W3C Trace Context, level 2, read by the rules of the sidecar's proxy:
 *
 *     traceparent   version "-" trace-id "-" parent-id "-" flags     2, 32, 16, 2 lower-case hex digits
 *     tracestate    key "=" value *( "," key "=" value )             at most 32 members
 *
 * A higher version is read by its beginning and kept as `00`. What cannot be read is left out: a trace that somebody
 * garbled is no reason to lose a record.
 */
const TRACEPARENT = /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/

/** One that is kept as it came, as those of each request mostly are. */
const USUAL = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[0-3]$/

const MEMBER = /^[a-z0-9][a-z0-9_*/@-]{0,255}=[ -<>-~]{0,255}[!-<>-~]$/

const MAX_MEMBERS = 32
/** What a record keeps of `tracestate`. */
const KEPT = 512
/** Longer members are the first to go (section 3.3.1.5). */
const LONG_MEMBER = 128

/** The flags that the specification knows: sampled, random. */
const FLAGS = 0b11

/** Both headers as a record keeps them; each is undefined where there is none that can be read. */
export function traceOf({ traceparent, tracestate }) {
  if (typeof traceparent === 'string' && USUAL.test(traceparent)) return { traceparent, tracestate: stateOf(tracestate) }
  const parent = parentOf(traceparent)
  if (parent === undefined) return { traceparent: undefined, tracestate: undefined }
  const flags = (Number.parseInt(parent[4], 16) & FLAGS).toString(16)
  return { traceparent: `00-${parent[2]}-${parent[3]}-0${flags}`, tracestate: stateOf(tracestate) }
}

/** The id of the trace that a header names, 32 hexadecimal digits. */
export function traceIdOf(traceparent) {
  return parentOf(traceparent)?.[2]
}

function parentOf(header) {
  // Node joins a header that came more than once with a comma, which no version has behind its flags.
  const parent = typeof header === 'string' ? TRACEPARENT.exec(header.trim()) : null
  return parent === null || (parent[1] === '00' && parent[5] !== undefined) ? undefined : parent
}

function stateOf(header) {
  if (typeof header !== 'string') return undefined
  const members = header.split(',').map((member) => member.replace(/^[ \t]+|[ \t]+$/g, '')).filter((member) => member !== '')
  if (members.length > MAX_MEMBERS || !members.every((member) => MEMBER.test(member))) return undefined
  // Of two with one key the first is the newer.
  const newest = new Map()
  for (const member of members) {
    const key = member.slice(0, member.indexOf('='))
    if (!newest.has(key)) newest.set(key, member)
  }
  return cut([...newest.values()])
}

/** Whole members, the last ones gone first, as many as there is room for. */
function cut(members) {
  let length = members.reduce((sum, member) => sum + member.length + 1, -1)
  for (const longest of [LONG_MEMBER, 0]) {
    for (let at = members.length - 1; at >= 0 && length > KEPT; at--) {
      if (members[at].length > longest) length -= members.splice(at, 1)[0].length + 1
    }
  }
  return members.length > 0 ? members.join(',') : undefined
}
