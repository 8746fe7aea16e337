import { callGuest } from '../console/page/worker/guest-abi.js'

/**
 * Runs the call vectors of `tests/vectors` on an edge of the core. Nothing here is of Node or of a browser, so the same
 * file runs in both.
 */

/** What differs from the vectors, as texts; and how many calls were made. */
export function runVectors({ cases }, newInstance, { skips = () => false } = {}) {
  const wrong = []
  let calls = 0
  for (const { name, calls: steps } of cases) {
    if (steps.some((step) => skips(step, name))) continue
    const instance = newInstance()
    for (const [i, { call, parts, ok, error }] of steps.entries()) {
      calls += 1
      const got = instance(call, parts.map(bytesOf))
      const fits = error === undefined ? sameResult(got.ok, ok) : got.error === error
      if (!fits) wrong.push(`${name}, call ${i}: wanted ${ok ?? error}, got ${JSON.stringify(got)}`)
    }
  }
  return { wrong, calls }
}

/** `guest.wasm` through its byte ABI. */
export function guestInstance(module) {
  const { exports } = new WebAssembly.Instance(module, {})
  return (call, parts) => {
    const { ok, error } = callGuest(exports, call, parts)
    return error ? { error: error.code } : { ok }
  }
}

/** The package's edge, whose options and results are objects. */
export function edgeInstance(glue) {
  let capture
  const text = (bytes) => new TextDecoder().decode(bytes)
  const calls = {
    policy: ([policy]) => {
      capture = new glue.Capture(policy)
      return glue.policySummary(policy)
    },
    read: ([change]) => text(capture.read(change)),
    plan: ([context]) => capture.plan(context),
    seal: ([stamp, entropy, ...keys]) => text(capture.seal(JSON.parse(text(stamp)), entropy, pairs(keys))),
    open: ([origin, line, ...keys]) => text(glue.open(text(origin), line, openings(keys))),
    diff: ([options, policy, before, after]) => text(glue.diff(before, after, diffOptions(JSON.parse(text(options)), policy))),
    rows: ([options, line, opened]) => text(glue.rows(line, opened, JSON.parse(text(options)))),
    text_difference: ([options, before, after]) => text(glue.textDifference(before, after, JSON.parse(text(options)))),
    preview: (parts) => text(glue.preview(...parts)),
    lint: ([policy, ...samples]) => text(glue.lint(policy, samples)),
  }
  return (call, parts) => {
    try {
      return { ok: calls[call](parts) }
    } catch (thrown) {
      return { error: thrown.code ?? String(thrown) }
    }
  }

  function pairs(keys) {
    const found = []
    for (let i = 0; i < keys.length; i += 4) {
      const [subjectKid, subjectKey, periodKid, periodKey] = keys.slice(i, i + 4)
      found.push({ subjectKid: text(subjectKid), subjectKey, periodKid: text(periodKid), periodKey })
    }
    return found
  }

  function openings(keys) {
    const found = []
    for (let i = 0; i < keys.length; i += 3) found.push({ seal: Number(text(keys[i])), subjectKey: keys[i + 1], periodKey: keys[i + 2] })
    return found
  }

  function diffOptions({ fold_keys: foldKeys = false, ...others }, policy) {
    return { ...others, foldKeys, ...(policy.length > 0 && { policy }) }
  }
}

/** What the package's edge has no words for: acts and leases are the sidecar's, and it has no frames and no state without a policy. */
export function edgeSkips({ call }, name) {
  return ['act', 'lease', 'admit'].includes(call) || name === 'a frame cut short' || name.startsWith('out of turn: ')
}

/** The edge gives some results as objects; there the order of keys is not part of the promise. */
function sameResult(got, wanted) {
  if (typeof got === 'string') return got === wanted
  return got !== undefined && sorted(got) === sorted(JSON.parse(wanted))
}

function sorted(value) {
  const inOrder = (_key, v) => (v && typeof v === 'object' && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort()) : v)
  return JSON.stringify(value, inOrder)
}

function bytesOf(part) {
  const encoder = new TextEncoder()
  if (typeof part === 'string') return encoder.encode(part)
  if (part.hex !== undefined) return Uint8Array.from(part.hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
  return encoder.encode(part.repeat.repeat(part.times))
}
