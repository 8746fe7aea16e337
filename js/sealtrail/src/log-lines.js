/**
 * Lines of a log, walked here. What becomes of a value the core says, once for each place that values are seen at; a line
 * whose places are known is copied but for what must not show. Whatever this walk does not know for certain, the core
 * does, with the same outcome: a line that is not compact JSON, is very long or deep, has a key twice or spelt with
 * escapes, or half of a surrogate pair.
 */
const MAX_LENGTH = 1 << 18
const MAX_DEPTH = 32
const MAX_KEY = 64
/** Then all are forgotten, so that names which are data do not fill the memory. */
const MAX_PLACES = 4096
/** To ask of a place costs as much as some lines: so many may be new at once, and then one more with each line. */
const NEW_PLACES = 512

/** The shortest payment card number. */
const CARD_DIGITS = 14

const [QUOTE, COMMA, MINUS, DOT, ZERO, NINE, COLON, BACKSLASH, LINE_END] = codes('",-.09:\\\n')
const [ARRAY, ARRAY_END, OBJECT, OBJECT_END, LOWER_E, UPPER_E, LOWER_U] = codes('[]{}eEu')
const WORDS = ['true', 'false', 'null'].map(codes)
/** What the core writes with one letter behind the backslash; anything else it may spell in another way. */
const ESCAPED = new Set(codes('"\\bfnrt'))

/** What of a value is in the line; else the text that stands for it and all that is with it. */
const NOTHING = 0
const SHOWN = 1
const UNKNOWN = 2

/** As the core says it. */
const [KEEP, LOOK, DROP, WRITE, SEAL, MASK] = [0, 1, 2, 3, 4, 5]
const TREATMENTS = { keep: KEEP, look: LOOK, drop: DROP, write: WRITE, seal: SEAL, mask: MASK }

export class LogLines {
  #core
  #units = new Uint16Array(0)
  #bytes
  #root = new Place('', new Uint16Array(0))
  #places = 0
  #newPlaces = NEW_PLACES
  #texts = new Map()
  /** Objects that were walked. */
  #visits = 0
  #line = ''
  #end = 0
  #at = 0
  /** What is written, and from where on the line goes behind it as it is. */
  #out = ''
  #from = 0
  /** Whether the value that was passed over last may be, or hold, a payment card number. */
  #isCard = false

  /** @param {object} core a `Redactor` of the edge */
  constructor(core) {
    this.#core = core
  }

  /** The line as a log may have it, without its line end; undefined where the core has to look at it. */
  redacted(line) {
    if (line.length > MAX_LENGTH) return undefined
    if (this.#newPlaces < NEW_PLACES) this.#newPlaces++
    this.#copy(line)
    const shown = this.#units[0] === OBJECT ? this.#members(this.#root, 1, 0) : UNKNOWN
    const end = this.#at
    const isWhole = end === this.#end || (end + 1 === this.#end && this.#units[end] === LINE_END)
    const out = this.#out + line.slice(this.#from, end)
    this.#line = this.#out = ''
    return shown !== UNKNOWN && isWhole ? out : undefined
  }

  /** Code units are read several times faster than characters of a string that was put together of parts. */
  #copy(line) {
    const { length } = line
    if (length >= this.#units.length) {
      this.#units = new Uint16Array(Math.max(1024, 2 * length))
      this.#bytes = globalThis.Buffer?.from(this.#units.buffer)
    }
    if (this.#bytes) this.#bytes.write(line, 0, 'utf16le')
    else for (let i = 0; i < length; i++) this.#units[i] = line.charCodeAt(i)
    // No line reads on into the one before.
    this.#units[length] = 0
    this.#line = line
    this.#end = length
    this.#out = ''
    this.#from = 0
  }

  /** An object, from behind its brace on. */
  #members(object, at, depth) {
    const units = this.#units
    const visit = ++this.#visits
    let [shown, before, member] = [NOTHING, undefined, object.first]
    if (at === 1 && units[at] === OBJECT_END) {
      this.#at = at + 1
      return NOTHING
    }
    for (let begin = at; ; begin = at) {
      if (member === undefined || !member.isAt(units, at)) {
        // What comes behind what is nearly always the same.
        member = this.#member(object, at)
        if (member === undefined) return UNKNOWN
        if (before === undefined) object.first = member
        else before.next = member
      }
      if (member.visit === visit) return UNKNOWN
      member.visit = visit
      const value = this.#value(member, at + member.label.length, depth)
      if (value === UNKNOWN) return UNKNOWN
      at = this.#at
      const more = units[at] === COMMA
      if (!more && units[at] !== OBJECT_END) return UNKNOWN
      if (value === NOTHING) this.#leaveOut(begin, at, more, shown)
      else shown = shown === NOTHING || shown === value ? value : SHOWN
      at++
      if (!more) break
      before = member
      member = member.next
    }
    this.#at = at
    return shown
  }

  /** An array, from behind its bracket on. */
  #items(array, at, depth) {
    const units = this.#units
    const item = (array.item ??= this.#place(`${array.path},null`, array.label))
    if (item === undefined) return UNKNOWN
    let shown = NOTHING
    for (let begin = at; ; begin = at) {
      const value = this.#value(item, at, depth)
      if (value === UNKNOWN) return UNKNOWN
      at = this.#at
      const more = units[at] === COMMA
      if (!more && units[at] !== ARRAY_END) return UNKNOWN
      if (value === NOTHING) this.#leaveOut(begin, at, more, shown)
      else shown = shown === NOTHING || shown === value ? value : SHOWN
      at++
      if (!more) break
    }
    this.#at = at
    return shown
  }

  #value(place, at, depth) {
    const units = this.#units
    const first = units[at]
    const isObject = first === OBJECT
    if ((isObject && units[at + 1] !== OBJECT_END) || (first === ARRAY && units[at + 1] !== ARRAY_END)) {
      if (depth === MAX_DEPTH) return UNKNOWN
      const [out, from] = [this.#out, this.#from]
      const shown = isObject ? this.#members(place, at + 1, depth + 1) : this.#items(place, at + 1, depth + 1)
      if (shown === SHOWN || shown === UNKNOWN) return shown
      this.#out = out
      this.#from = from
      if (shown !== NOTHING) this.#replace(at, this.#at, shown)
      return shown
    }
    const end = this.#endOf(first, at)
    if (end === -1) return UNKNOWN
    this.#at = end
    switch (place.treatment) {
      case KEEP:
        return SHOWN
      case LOOK:
        if (this.#isCard) this.#replace(at, end, this.#core.shown(`[${place.path}]`, this.#line.slice(at, end)))
        return SHOWN
      case DROP:
        return NOTHING
      case SEAL:
        this.#replace(at, end, place.text)
        return place.text
      case WRITE:
        this.#replace(at, end, place.text)
        return SHOWN
      case MASK:
        this.#replace(at, end, this.#core.shown(`[${place.path}]`, this.#line.slice(at, end)))
        return SHOWN
      default:
        return UNKNOWN
    }
  }

  #replace(at, end, text) {
    this.#out += this.#line.slice(this.#from, at) + text
    this.#from = end
  }

  /** A member or an item, with one comma. */
  #leaveOut(begin, end, more, shown) {
    const isFirst = shown === NOTHING
    this.#out += this.#line.slice(this.#from, isFirst ? begin : begin - 1)
    this.#from = isFirst && more ? end + 1 : end
  }

  /** The end of a value that holds no others; -1 where it is none that is known. */
  #endOf(first, at) {
    this.#isCard = false
    if (first === QUOTE) return this.#endOfString(at + 1)
    if (first === MINUS || (first >= ZERO && first <= NINE)) return this.#endOfNumber(at)
    // Nothing is in it.
    if (first === OBJECT || first === ARRAY) return at + 2
    const units = this.#units
    for (const word of WORDS) {
      if (word[0] !== first) continue
      for (let i = 1; i < word.length; i++) if (units[at + i] !== word[i]) return -1
      return at + word.length
    }
    return -1
  }

  #endOfString(at) {
    const [units, end] = [this.#units, this.#end]
    let digits = 0
    for (; at < end; at++) {
      const unit = units[at]
      if (unit > NINE) {
        if (unit === BACKSLASH) {
          at = this.#endOfEscape(at + 1)
          if (at === -1) return -1
        } else if (unit >= 0xd800 && unit <= 0xdfff) {
          at++
          if (unit >= 0xdc00 || !(units[at] >= 0xdc00 && units[at] <= 0xdfff) || at === end) return -1
        }
      } else if (unit >= ZERO) {
        digits++
      } else if (unit === QUOTE) {
        this.#isCard = digits >= CARD_DIGITS
        return at + 1
      } else if (unit < 0x20) {
        return -1
      }
    }
    return -1
  }

  /** Where an escape ends that the core writes as it is. */
  #endOfEscape(at) {
    const units = this.#units
    if (ESCAPED.has(units[at])) return at
    if (units[at] !== LOWER_U || units[at + 1] !== ZERO || units[at + 2] !== ZERO) return -1
    // Control characters but those above, in lower case.
    const [high, low] = [units[at + 3] - ZERO, units[at + 4]]
    const isHex = (low >= ZERO && low <= NINE) || (low > 0x60 && low < 0x67)
    const isShort = high === 0 && (low === 0x38 || low === 0x39 || low === 0x61 || low === 0x63 || low === 0x64)
    return (high === 0 || high === 1) && isHex && !isShort ? at + 4 : -1
  }

  #endOfNumber(start) {
    const units = this.#units
    let at = units[start] === MINUS ? start + 1 : start
    const whole = at
    at = units[at] === ZERO ? at + 1 : this.#endOfDigits(at)
    this.#isCard = at - whole >= CARD_DIGITS
    if (at !== -1 && units[at] === DOT) at = this.#endOfDigits(at + 1)
    if (at !== -1 && (units[at] === LOWER_E || units[at] === UPPER_E)) {
      this.#isCard = true
      const isSigned = units[at + 1] === MINUS || units[at + 1] === 0x2b
      at = this.#endOfDigits(at + (isSigned ? 2 : 1))
    }
    return at
  }

  #endOfDigits(start) {
    const units = this.#units
    let at = start
    while (units[at] >= ZERO && units[at] <= NINE) at++
    return at === start ? -1 : at
  }

  /** The place of the member that begins here, found or new. */
  #member(object, at) {
    if (this.#units[at] !== QUOTE) return undefined
    const end = this.#endOfString(at + 1)
    if (end === -1 || end - at - 2 > MAX_KEY || this.#units[end] !== COLON) return undefined
    const quoted = this.#line.slice(at, end)
    const known = object.members.get(quoted)
    if (known !== undefined) return known
    // In another spelling it would be another place.
    if (quoted.includes('\\')) return undefined
    const path = object.path === '' ? quoted : `${object.path},${quoted}`
    const place = this.#place(path, this.#units.slice(at, end + 1))
    if (place !== undefined) object.members.set(ownCopy(quoted), place)
    return place
  }

  #place(path, label) {
    if (this.#places === MAX_PLACES) {
      this.#root = new Place('', this.#root.label)
      this.#texts.clear()
      this.#places = 0
      this.#newPlaces = NEW_PLACES
      return undefined
    }
    if (this.#newPlaces === 0) return undefined
    this.#newPlaces--
    this.#places++
    const place = new Place(ownCopy(path), label)
    place.treatment = TREATMENTS[this.#core.treatment(`[${path}]`)]
    if (place.treatment === SEAL || place.treatment === WRITE) place.text = this.#text(this.#core.shown(`[${path}]`, 'null'))
    return place
  }

  /** The same string for the same text: they are compared. */
  #text(text) {
    if (!this.#texts.has(text)) this.#texts.set(text, text)
    return this.#texts.get(text)
  }
}

/** Where values of lines stand: behind these keys, in an array or not. */
class Place {
  treatment = -1
  text = ''
  /** What is in an object here: in which order, by name, and as an item of an array. */
  first
  next
  members = new Map()
  item
  /** The object that it was last seen in. */
  visit = 0

  /** @param {Uint16Array} label the key with its quotes and the colon */
  constructor(path, label) {
    this.path = path
    this.label = label
  }

  isAt(units, at) {
    const { label } = this
    for (let i = 0; i < label.length; i++) if (units[at + i] !== label[i]) return false
    return true
  }
}

/** A part of a string keeps the whole of it in memory. */
function ownCopy(part) {
  return JSON.parse(JSON.stringify(part))
}

function codes(text) {
  return Array.from(text, (character) => character.charCodeAt(0))
}
