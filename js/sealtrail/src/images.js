import { imageText, isLeaf, jsonText, MAX_DEPTH } from './json-text.js'

/**
 * Two images of one entity as JSON text, without what cannot make a difference to its record.
 *
 * The record, or the list of differences, is byte for byte that of the whole images. What may be left out says
 * `pruning`: of an engine whose policy is known it is `Capture.pruning`, without a policy the one below. A policy that
 * is not known allows nothing (any member may name the data subject), so `trail.record` sends both images whole.
 *
 * - Members of objects that are the same in both are left out, unless they name a data subject; with `foldKeys`
 *   only where no two keys of the object fold to one, since the one gives the other its name.
 * - In arrays of one length, items that are the same at one index are null, or the members that may be their identity.
 *   Items that differ side by side are searched for equal ones, so they stay whole; a single one is compared with its
 *   partner only, so it is pruned again. Where items have changed places, or arrays have other lengths, they stay whole.
 * - Arrays within items within items go whole from the third on.
 * - The core takes items of the same bytes for each other first, and which of several equal ones that are depends on
 *   their surroundings. So where an array that it searches may hold equal items, both images go whole.
 *
 * There is no size below which whole images are better: these are read as well, to see what they lose, and that costs
 * what the comparison does. With 1 % of the items changed a record takes half to a fifth of the time from 2 kB on
 * (bench/objects.mjs); with all of them changed, where there is nothing to leave out, up to a fifth more. So of items by
 * position the first few of a chunk tell whether the rest is compared, and items that differ in a row go as they are.
 *
 * What is one and the same object on both sides is not looked into. Everything else is read, and what JSON cannot
 * carry is the same error as in a whole image.
 */
export class Images {
  #prunes
  #folds
  #byPosition
  #sets
  #identity
  #subjects
  #labels = new Map()
  /** How many members were left out so far, and how many were not. */
  #left = 0
  #given = 0
  /** Whether this is within an item that differs; there nothing is read twice. */
  #isWithin = false
  /** Of items that are searched for equal ones, in how many this is. */
  #nesting = 0
  /** The texts of the pair that was written last. */
  #before
  #after

  constructor(pruning = WITHOUT_POLICY) {
    this.#prunes = pruning.arrays
    this.#folds = pruning.fold_keys
    this.#byPosition = pruning.by_position
    this.#sets = new Set(pruning.sets)
    this.#identity = pruning.keys.length === 0 ? undefined : new Map(pruning.keys.map((name) => [name, WHOLE]))
    this.#subjects = kept(pruning.subjects)
  }

  /** Both texts; an image that is text or bytes already goes as it is. */
  texts(before, after) {
    // Whatever is unusual is written or refused here, with its place.
    return this.pruned(before, after) ?? [imageText(before, '/before'), imageText(after, '/after')]
  }

  /** Both texts, or undefined where both images are to go whole. */
  pruned(before, after) {
    this.#isWithin = this.#folds
    this.#nesting = 0
    try {
      if (!this.#isPrunable(before, after)) return undefined
      if (this.#pair(before, after, this.#subjects, 0)) return [this.#before, this.#after]
      return Array.isArray(before) ? ['[]', '[]'] : ['{}', '{}']
    } catch {
      // Whatever it was, also of a getter that throws: who writes the whole images says of what.
      return undefined
    }
  }

  #isPrunable(before, after) {
    const kind = kindOf(before)
    if (kind === OTHER || kind !== kindOf(after) || this.#subjects === WHOLE || isPolluted()) return false
    // The rule by which all arrays go by position is one for what is below the root.
    return kind === OBJECT || (!this.#byPosition && this.#subjects === undefined)
  }

  /** Whether there is something to write for two values; then it is in `#before` and `#after`. */
  #pair(before, after, keep, depth) {
    if (typeof before === 'object' && typeof after === 'object' && before !== null && after !== null) {
      const kind = kindOf(before)
      if (kind !== OTHER && kind === kindOf(after)) {
        // The core refuses what is deeper, and a cycle has no end.
        if (depth > MAX_DEPTH) throw UNUSUAL
        if (kind === OBJECT) return this.#objects(before, after, keep, depth)
        if (keep === undefined) return this.#arrays(before, after, depth)
      }
    }
    if (keep === undefined && this.#isSame(before, after, depth)) return false
    this.#whole(before, after)
    return true
  }

  #objects(before, after, keep, depth) {
    let old = ''
    let now = ''
    let both = 0
    let left = 0
    for (const key in before) {
      const a = before[key]
      const b = after[key]
      if (a === b && (keep === undefined || !this.#named(keep, key))) {
        if (a !== null && typeof a !== 'object' && !isLeaf(a)) throw UNUSUAL
        both++
        left++
        continue
      }
      // Every object inherits functions, and this name.
      if (key === '__proto__' || typeof b === 'function') throw UNUSUAL
      if (b === undefined) {
        if (Object.hasOwn(after, key)) throw UNUSUAL
        old += this.#label(key) + this.#alone(a)
        continue
      }
      both++
      const below = keep === undefined ? undefined : this.#named(keep, key)
      if (below === WHOLE) this.#whole(a, b)
      else if (this.#sets.size > 0 && Array.isArray(a) && this.#named(this.#sets, key)) {
        if (this.#isSame(a, b, depth + 1)) continue
        this.#whole(a, b)
      } else if (!this.#pair(a, b, below, depth + 1)) continue
      const label = this.#label(key)
      old += label + this.#before
      now += label + this.#after
    }
    this.#left += left
    this.#given += both - left
    const count = countOf(after)
    if (count !== both) {
      let added = 0
      for (const key in after) {
        const value = after[key]
        if (before[key] !== undefined && Object.hasOwn(before, key)) continue
        if (key === '__proto__') throw UNUSUAL
        now += this.#label(key) + this.#alone(value)
        added++
      }
      if (both + added !== count) throw UNUSUAL
    }
    if (old === '' && now === '' && keep === undefined) {
      if (this.#folds) mustFoldAlike(before, after)
      return false
    }
    if (this.#folds && !(foldApart(before) && foldApart(after))) throw UNUSUAL
    this.#before = `{${old.slice(1)}}`
    this.#after = `{${now.slice(1)}}`
    return true
  }

  #arrays(before, after, depth) {
    const length = before.length
    const aligned = this.#prunes && (this.#byPosition || (length === after.length && this.#nesting < MAX_NESTING))
    if (!aligned) {
      if (this.#isSame(before, after, depth)) return false
      this.#whole(before, after)
      return true
    }
    if (this.#byPosition) return this.#positions(before, after, depth)
    let [old, now, differ] = ['', '', false]
    for (let from = 0; from < length; ) {
      if (this.#isSameItem(before[from], after[from], depth + 1)) {
        // An identity of the same value, whatever the order of its members.
        let stubs = ''
        let to = from
        do stubs += this.#identity === undefined ? '' : this.#stub(before[to])
        while (++to < length && this.#isSameItem(before[to], after[to], depth + 1))
        if (this.#identity === undefined) stubs = NULL.repeat(to - from)
        old += stubs
        now += stubs
        from = to
        continue
      }
      differ = true
      let to = from + 1
      while (to < length && !this.#isSameItem(before[to], after[to], depth + 1)) to++
      if (this.#identity !== undefined) {
        for (let i = from; i < to; i++) {
          if (this.#stub(before[i]) === this.#stub(after[i])) continue
          this.#whole(before, after)
          return true
        }
      }
      if (to - from === 1) {
        this.#nesting++
        this.#item(before[from], after[from], depth + 1)
        this.#nesting--
        old += `,${this.#before}`
        now += `,${this.#after}`
      } else {
        const [a, b] = [before.slice(from, to), after.slice(from, to)]
        this.#whole(a, b)
        old += `,${this.#before.slice(1, -1)}`
        now += `,${this.#after.slice(1, -1)}`
      }
      from = to
    }
    if (!differ) return false
    this.#before = `[${old.slice(1)}]`
    this.#after = `[${now.slice(1)}]`
    return true
  }

  /** Arrays that are compared item by item, whatever these are. */
  #positions(before, after, depth) {
    const both = Math.min(before.length, after.length)
    let [old, now, written] = ['', '', 0]
    let [left, given] = [0, 0]
    const isWithin = this.#isWithin
    for (let i = 0; i < both; i++) {
      if (i % CHUNK === 0) [left, given] = [this.#left, this.#given]
      else if (i % CHUNK === FIRST && 2 * (this.#left - left) < this.#given - given) {
        // JSON.stringify is faster than a walk that finds next to nothing to leave out.
        const to = Math.min(i + CHUNK - FIRST, both)
        this.#whole(before.slice(i, to), after.slice(i, to))
        const gap = NULL.repeat(i - written)
        old += `${gap},${this.#before.slice(1, -1)}`
        now += `${gap},${this.#after.slice(1, -1)}`
        written = to
        i = to - 1
        continue
      }
      const a = before[i]
      const b = after[i]
      if (a === b && (a === null || typeof a === 'object' || isLeaf(a))) continue
      if (!isWithin && isSurelySame(a, b, depth + 1)) {
        this.#left++
        continue
      }
      this.#isWithin = true
      const differs = this.#item(a, b, depth + 1)
      this.#isWithin = isWithin
      if (!differs) continue
      const gap = NULL.repeat(i - written)
      old += `${gap},${this.#before}`
      now += `${gap},${this.#after}`
      written = i + 1
    }
    if (written === 0 && before.length === after.length) return false
    const gap = NULL.repeat(both - written)
    old += gap
    now += gap
    for (let i = both; i < before.length; i++) old += `,${this.#alone(before[i])}`
    for (let i = both; i < after.length; i++) now += `,${this.#alone(after[i])}`
    this.#before = `[${old.slice(1)}]`
    this.#after = `[${now.slice(1)}]`
    return true
  }

  /** Whether two values are the same in JSON; throws `UNUSUAL` where only their texts could tell. */
  #isSame(a, b, depth) {
    if (a === b) {
      if (typeof a === 'object' || isLeaf(a)) return true
      throw UNUSUAL
    }
    if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
    const kind = kindOf(a)
    if (kind !== kindOf(b)) return false
    if (depth > MAX_DEPTH) throw UNUSUAL
    if (kind === ARRAY) {
      if (a.length !== b.length) return false
      for (let i = 0; i < a.length; i++) if (!this.#isSame(a[i], b[i], depth + 1)) return false
      return true
    }
    if (kind === OTHER) return text(a) === text(b)
    let count = 0
    for (const key in a) {
      const old = a[key]
      const now = b[key]
      if (old === now) {
        if (old !== null && typeof old !== 'object' && !isLeaf(old)) throw UNUSUAL
      } else {
        if (key === '__proto__') throw UNUSUAL
        if (!this.#isSame(old, now, depth + 1)) return false
      }
      count++
    }
    if (countOf(b) !== count) return false
    if (this.#folds) mustFoldAlike(a, b)
    return true
  }

  /**
   * Most items are the same, which the fast walk sees. Not where keys fold, since their order matters then; and not
   * within an item that differs, since that is read often enough.
   */
  #isSameItem(a, b, depth) {
    return (!this.#folds && this.#nesting === 0 && isSurelySame(a, b, depth)) || this.#isSame(a, b, depth)
  }

  #item(a, b, depth) {
    // Of items that are not objects no policy asks for an identity.
    const isKeyed = this.#identity !== undefined && kindOf(a) === OBJECT && kindOf(b) === OBJECT
    return this.#pair(a, b, isKeyed ? this.#identity : undefined, depth)
  }

  /** What stands for an item that is the same on both sides: its identity where a policy may ask for one. */
  #stub(item) {
    if (this.#identity === undefined) return NULL
    if (kindOf(item) !== OBJECT) return `,${text(item)}`
    let members = ''
    for (const key in item) {
      if (this.#named(this.#identity, key)) members += this.#label(key) + text(item[key])
    }
    return `,{${members.slice(1)}}`
  }

  /** Both values as they are. They are compared, so none of their arrays may depend on what is left out. */
  #whole(before, after) {
    if (!this.#byPosition && (mayRepeat(before) || mayRepeat(after))) throw UNUSUAL
    this.#before = text(before)
    this.#after = text(after)
  }

  /** A value that has no partner by its name; when names are folded it may have one. */
  #alone(value) {
    if (this.#folds && !this.#byPosition && mayRepeat(value)) throw UNUSUAL
    return text(value)
  }

  /** What a set or a map of names has for a key, folded or not. */
  #named(names, key) {
    if (!this.#folds) return names instanceof Set ? names.has(key) : names.get(key)
    const folded = fold(key)
    // Beyond ASCII it is the core that knows how.
    if (folded === undefined) return names instanceof Set ? true : WHOLE
    if (names instanceof Set) return names.has(key) || names.has(folded)
    return names.get(key) ?? names.get(folded)
  }

  #label(key) {
    let label = this.#labels.get(key)
    if (label === undefined) {
      label = `,${text(key)}:`
      if (this.#labels.size >= 1000) this.#labels.clear()
      this.#labels.set(key, label)
    }
    return label
  }
}

/** What a difference without a policy depends on. */
export const WITHOUT_POLICY = { arrays: true, by_position: false, fold_keys: false, sets: [], keys: [], subjects: [] }

/** An item that is left out. */
const NULL = ',null'
/** Items of which the first tell whether the rest is worth a walk. */
const CHUNK = 64
const FIRST = 4
/**
 * An item that differs is read to see that, and again to be pruned, and so are the items of each array within it. So
 * many levels of them are pruned, and what is deeper goes whole: nothing is read more often than that.
 */
const MAX_NESTING = 3
/** Thrown where images go whole. */
const UNUSUAL = Symbol('unusual')
/** Of a member: it stays with all that it holds. */
const WHOLE = new Map()
const [OTHER, OBJECT, ARRAY] = [0, 1, 2]

/** Plain objects and arrays. Instances of classes, Dates and what has a toJSON are written by `jsonText` alone. */
function kindOf(value) {
  if (value === null || typeof value !== 'object' || typeof value.toJSON === 'function') return OTHER
  const prototype = Object.getPrototypeOf(value)
  // Of what bears a tag only the text tells whether JSON carries it.
  if (prototype === Object.prototype || prototype === null) return value[Symbol.toStringTag] === undefined ? OBJECT : OTHER
  return Array.isArray(value) ? ARRAY : OTHER
}

/**
 * Whether two values are plain, carried by JSON and the same. Most items are, and to see only that takes half the time
 * of a walk that is ready to write what differs. Where it says no, the careful walk tells why.
 */
function isSurelySame(a, b, depth) {
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null || depth > MAX_DEPTH) return false
  if (a.toJSON !== undefined || b.toJSON !== undefined) return false
  if (a[Symbol.toStringTag] !== undefined || b[Symbol.toStringTag] !== undefined) return false
  if (Object.getPrototypeOf(a) === Object.prototype && Object.getPrototypeOf(b) === Object.prototype) {
    let count = 0
    for (const key in a) {
      const old = a[key]
      const now = b[key]
      // Written out, since a call for each member costs as much as the rest.
      if (old === now) {
        if (typeof old === 'string' ? !old.isWellFormed() : typeof old !== 'object' && !isLeaf(old)) return false
      } else if (!isSurelySame(old, now, depth + 1)) return false
      count++
    }
    for (const _ in b) count--
    return count === 0
  }
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) {
    const [old, now] = [a[i], b[i]]
    if (old === now ? typeof old !== 'object' && !isLeaf(old) : !isSurelySame(old, now, depth + 1)) return false
  }
  return true
}

/** Somebody gave every object a member, which `for … in` would take for one of the image. */
function isPolluted() {
  for (const _ in Object.prototype) return true
  return false
}

function countOf(object) {
  let count = 0
  for (const _ in object) count++
  return count
}

function text(value) {
  if (typeof value === 'string' && value.length < 100 && PLAIN.test(value)) return `"${value}"`
  return jsonText(value)
}

/** Strings that need no escapes, as most do. */
const PLAIN = /^[ !#-[\]-~]*$/

/** Whether an array in a value may hold two equal items. Ids that are all different say that it does not. */
function mayRepeat(value) {
  if (value === null || typeof value !== 'object') return false
  // What a toJSON gives is not known before it is written.
  if (typeof value.toJSON === 'function') return !(value instanceof Date)
  if (Array.isArray(value)) return (value.length > 1 && !isDistinct(value)) || value.some(mayRepeat)
  for (const key in value) {
    const member = value[key]
    if (member !== null && typeof member === 'object' && mayRepeat(member)) return true
  }
  return false
}

function isDistinct(items) {
  if (items[0] === null || typeof items[0] !== 'object') {
    return items.every((item) => item === null || typeof item !== 'object') && new Set(items).size === items.length
  }
  let tries = 4
  for (const key in items[0]) {
    if (tries-- === 0) return false
    const of = (item) => (kindOf(item) === OBJECT ? item[key] : undefined)
    const ids = new Set()
    const isId = (id) => (typeof id === 'string' || typeof id === 'number') && !ids.has(id) && ids.add(id)
    if (items.every((item) => isId(of(item)))) return true
  }
  return false
}

/** RFC 6901 pointers as a tree of names; what they end at stays whole. */
function kept(pointers) {
  if (pointers.length === 0) return undefined
  const root = new Map()
  for (const pointer of pointers) {
    const names = pointer.split('/').slice(1).map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))
    if (names.length === 0) return WHOLE
    let at = root
    names.forEach((name, i) => {
      if (at === WHOLE) return
      const below = i === names.length - 1 ? WHOLE : (at.get(name) ?? new Map())
      at.set(name, below)
      at = below
    })
  }
  return root
}

/** The core's folding of keys, for ASCII. */
function fold(key) {
  if (!/^[\0-\x7f]*$/.test(key)) return undefined
  const folded = key.trim().toLowerCase().replaceAll(' ', '_')
  return folded.startsWith('_') ? folded.slice(1) : folded
}

/** Of two keys that fold to one the second keeps its spelling, so objects with them are the same in one order only. */
function mustFoldAlike(before, after) {
  const keys = Object.keys(after)
  let at = 0
  for (const key in before) {
    if (key !== keys[at++]) {
      if (!foldApart(before)) throw UNUSUAL
      return
    }
  }
}

/** Whether it is sure that no two keys of an object fold to one. */
function foldApart(object) {
  const seen = new Set()
  for (const key in object) {
    const folded = fold(key)
    if (folded === undefined || seen.has(folded)) return false
    seen.add(folded)
  }
  return true
}
