import { parse, print } from './exact-json.js'
import { Holdings } from './holdings.js'
import { wordRuns } from './words.js'

/** What is shown of one value at most, in UTF-16 units; the record below has the rest. */
const LONGEST_SHOWN = 4000

/**
 * What would be stored of a change. Rows are made when they are asked for: a large change has many thousands, and nobody
 * looks at all of them.
 */
export class Preview {
  #guest
  #given
  #stored
  #fields

  /** Throws what the guest throws, with the `source` that is to blame: `policy` or `change`. */
  constructor(guest, policy, change) {
    const summary = within('policy', () => guest.call('policy', policy))
    const seed = crypto.getRandomValues(new Uint8Array(32))
    const text = within('change', () => guest.call('preview', policy, change, '', seed))
    const { outcome, record, fields } = parse(text)
    this.#guest = guest
    this.summary = JSON.parse(summary)
    this.outcome = outcome
    this.record = record
    this.#fields = outcome === 'unchanged' ? [] : byAttribute(fields)
    if (outcome === 'unchanged') return
    // The same change under a policy that keeps everything: what came in, with keys and items paired in the same way.
    const open = parse(guest.call('preview', keepingAll(policy), change, '', seed)).record
    this.#given = new Holdings(open)
    this.#stored = new Holdings(record)
  }

  /** How many fields there are of each treatment. */
  get counts() {
    const counts = {}
    for (const { action } of this.#fields) counts[action] = (counts[action] ?? 0) + 1
    return counts
  }

  /**
   * A part of the rows that pass the filter, and how many pass it. A row: `path`, `action`, `because`, for what has a key
   * `group`, `subject` and `retain`, and `sides`: `{ side, given, stored }`, see `#value`.
   */
  rows({ action, text = '', from = 0, count = 25 } = {}) {
    const wanted = text.toLowerCase()
    const passing = this.#fields.filter(
      (field) => (!action || field.action === action) && (wanted === '' || field.path.toLowerCase().includes(wanted)),
    )
    return { total: passing.length, rows: passing.slice(from, from + count).map((field) => this.#row(field)) }
  }

  /** The record for a person: over several lines, and cut where it is long. */
  recordText(longest) {
    if (!this.record) return { text: '', cut: false }
    const text = print(this.record, '  ')
    return { text: text.slice(0, longest), cut: text.length > longest }
  }

  #row(field) {
    const sides = field.sides.map((side) => {
      const place = { path: field.path, side }
      const given = this.#given.find(place)
      return { side: nameOf(side, field.path), given: given && this.#value(given.value), stored: this.#kept(field, place) }
    })
    const [one, other] = sides
    if (other && isText(one.given) && isText(other.given)) {
      const runs = wordRuns(this.#guest, JSON.parse(one.given.text), JSON.parse(other.given.text))
      if (runs) {
        one.given.runs = runs.before
        other.given.runs = runs.after
        if (one.stored?.text === one.given.text && other.stored?.text === other.given.text) {
          one.stored.runs = runs.before
          other.stored.runs = runs.after
        }
      }
    }
    return { ...field, sides }
  }

  /** Undefined where nothing is stored. */
  #kept({ action }, place) {
    if (action === 'drop') return undefined
    const found = this.#stored.find(place)
    if (!found) {
      // Sealed whole with what stands beside it: the token is the parent's.
      const above = action === 'seal' ? this.#stored.above(place) : undefined
      return above && { ...this.#value(above.value), ...this.#sealOf(above.value), whole: above.path }
    }
    const sealed = action === 'seal' ? this.#sealOf(found.value) : {}
    return { ...this.#value(found.value), ...sealed }
  }

  #value(value) {
    const text = print(value)
    return text.length > LONGEST_SHOWN ? { text: text.slice(0, LONGEST_SHOWN), cut: true } : { text }
  }

  /** The ids of the keys that a token was sealed with: a token names its seal by number. */
  #sealOf(token) {
    const number = typeof token === 'string' && /^st1\.(\d+)\./.exec(token)?.[1]
    const seal = number && this.record.data.seals?.[number]
    return seal ? { kids: seal.kids } : {}
  }
}

function within(source, work) {
  try {
    return work()
  } catch (error) {
    error.source ??= source
    throw error
  }
}

function keepingAll(policy) {
  // Which changes there are, and at which paths, depends on these.
  const { id, version, ignore, fold_keys, arrays } = JSON.parse(policy)
  return JSON.stringify({ id, version, ignore, fold_keys, arrays, secrets: false, default: 'keep', context_default: 'keep' })
}

/** One row for an attribute, with both of its images where they are treated alike. */
function byAttribute(fields) {
  const rows = new Map()
  for (const { side, ...field } of fields) {
    const key = [field.path, field.action, field.because, field.group].join('\n')
    if (!rows.has(key)) rows.set(key, { ...field, sides: [] })
    rows.get(key).sides.push(side)
  }
  return [...rows.values()]
}

function nameOf(side, path) {
  if (side === 'old' || path.startsWith('/data/before')) return 'before'
  if (side === 'new' || path.startsWith('/data/after')) return 'after'
  return 'context'
}

function isText(value) {
  return value !== undefined && !value.cut && value.text.startsWith('"')
}
