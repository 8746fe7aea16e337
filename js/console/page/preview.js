import { at, parse, print } from './exact-json.js'

/**
 * What would be stored of a change.
 *
 * @returns {{ summary: object, outcome: string, record: string, rows: Row[] }} a row: `path`, `action`, `because`,
 *   `treatment` in words, and `sides`: `{ side, given, stored }` as JSON texts, `stored` undefined where nothing is.
 */
export async function preview(guest, policy, change) {
  const summary = await within('policy', guest.call('policy', policy))
  const seed = crypto.getRandomValues(new Uint8Array(32))
  const text = await within('change', guest.call('preview', policy, change, '', seed))
  const { outcome, record, fields } = parse(text)
  if (outcome === 'unchanged') return { summary: JSON.parse(summary), outcome, record: '', rows: [] }
  // The same change under a policy that keeps everything: what came in, with keys and items paired in the same way.
  const open = parse(await guest.call('preview', keepingAll(policy), change, '', seed)).record
  return { summary: JSON.parse(summary), outcome, record: print(record, '  '), rows: rowsOf(fields, open, record) }
}

async function within(source, promise) {
  try {
    return await promise
  } catch (error) {
    error.source = source
    throw error
  }
}

function keepingAll(policy) {
  // Which changes there are, and at which paths, depends on these.
  const { id, version, ignore, fold_keys, arrays } = JSON.parse(policy)
  return JSON.stringify({ id, version, ignore, fold_keys, arrays, secrets: false, default: 'keep', context_default: 'keep' })
}

/** One row for an attribute, with both of its images where they are treated alike. */
function rowsOf(fields, open, record) {
  const rows = new Map()
  for (const field of fields) {
    const key = [field.path, field.action, field.because, field.group].join('\n')
    if (!rows.has(key)) rows.set(key, { ...field, treatment: treatment(field), sides: [] })
    const side = { old: 'before', new: 'after' }[field.side] ?? 'context'
    rows.get(key).sides.push({ side, given: value(open, field), stored: stored(record, field) })
  }
  return [...rows.values()]
}

const WORDS = { keep: 'kept', drop: 'dropped', mask: 'masked', seal: 'sealed', pseudonym: 'pseudonym' }

function treatment({ action, group, subject, retain }) {
  const key = group && `group ${group}, key of ${subject}`
  // A pseudonym has no period key, so it lives as long as the subject's key whatever the retention class.
  return { word: WORDS[action] ?? action, detail: key && action === 'seal' ? `${key}, retention ${retain}` : key }
}

function value(record, field) {
  const found = holder(record, field)
  const inside = found && at(found.value, found.rest)
  return inside === undefined ? undefined : print(inside)
}

function stored(record, field) {
  if (field.action === 'drop') return undefined
  const found = holder(record, field)
  if (!found) return undefined
  // Sealed whole with what stands beside it: the token is the parent's.
  if (field.action === 'seal' && found.rest !== '' && typeof found.value === 'string') {
    return `${print(found.value)} (with all of ${found.path})`
  }
  const inside = at(found.value, found.rest)
  return inside === undefined ? undefined : print(inside)
}

/** The change of the record that holds the field: its own, or one of an object above it. */
function holder(record, { path, side }) {
  if (side !== 'old' && side !== 'new') return { value: record, rest: path, path: '' }
  for (const change of record.data.changes) {
    const isAbove = path === change.path || path.startsWith(`${change.path}/`)
    if (isAbove && change[side] !== undefined) return { value: change[side], rest: path.slice(change.path.length), path: change.path }
  }
  return undefined
}
