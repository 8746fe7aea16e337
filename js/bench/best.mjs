import { FieldCipher } from './gcm.mjs'
import { correlationId, engine, info, keys, nonce, origin, policySummary, recordedTime, recordId } from './record.mjs'
import { Hmac } from './sha256.mjs'

/**
 * The best that we could write in JavaScript alone: one walk over both parsed images that follows the policy and writes
 * text as it goes, HMAC from states that are kept, and all fields encrypted together. Arrays by position. The same bytes
 * as the core, or an error where a workload asks for more than it can: no container with a protected field in it is
 * added, removed or replaced as a whole.
 */
export class Best {
  #root
  #foot
  #keyed = new Keyed(Buffer.concat([keys.subjectKey, keys.periodKey]))
  #texts
  #fields
  #text
  #changes

  constructor(policyText) {
    const policy = JSON.parse(policyText)
    this.#root = new State(policy.rules, policy.rules.map(({ select }) => stepsOf(select)), policy.rules.map((_, i) => [i, 0]))
    this.#foot = `,"policy":${JSON.stringify(policySummary(policyText, policy))},"engine":${JSON.stringify(engine)}}}`
  }

  run(bytes) {
    return this.record(JSON.parse(bytes.toString()))
  }

  /** From a change that is parsed already. */
  record({ entity, action, before, after }) {
    this.#texts = []
    this.#fields = []
    this.#changes = 0
    this.#text = head(entity, action)
    this.#walk(before, after, '', this.#root)
    this.#text += ']'
    const seals = this.#seal()
    const [texts, fields] = [this.#texts, this.#fields]
    let out = ''
    for (let i = 0; i < texts.length; i++) out += `${texts[i]}"st1.${fields[i].index}.${fields[i].token}"`
    return Buffer.from(out + this.#text + seals + this.#foot)
  }

  #walk(before, after, path, state) {
    if (Array.isArray(before)) {
      const both = Math.min(before.length, after.length)
      const below = state.item
      for (let i = 0; i < both; i++) this.#value(before[i], after[i], path, i, below)
      for (let i = before.length - 1; i >= both; i--) this.#entry('remove', path, i, below, before[i], undefined)
      for (let i = both; i < after.length; i++) this.#entry('add', path, i, below, undefined, after[i])
      return
    }
    let found = 0
    for (const key in before) {
      const value = after[key]
      if (isMissing(value, after, key)) {
        this.#entry('remove', path, key, state.key(key), before[key], undefined)
      } else {
        found++
        if (before[key] !== value) this.#value(before[key], value, path, key, state)
      }
    }
    // Mostly there is nothing more to look for.
    if (Object.keys(after).length === found) return
    for (const key in after) {
      if (isMissing(before[key], before, key)) this.#entry('add', path, key, state.key(key), undefined, after[key])
    }
  }

  #value(before, after, path, key, state) {
    if (before === after) return
    const below = typeof key === 'number' ? state : state.key(key)
    if (typeof before === 'object' && typeof after === 'object' && before !== null && after !== null) {
      if (Array.isArray(before) === Array.isArray(after)) return this.#walk(before, after, `${path}/${escaped(key)}`, below)
    }
    this.#entry('replace', path, key, below, before, after)
  }

  #entry(op, above, key, state, before, after) {
    const path = `${above}/${escaped(key)}`
    this.#text += `${this.#changes === 0 ? '' : ','}{"op":"${op}","path":${JSON.stringify(path)}`
    if (before !== undefined) this.#side('old', path, state.rule, before, state)
    if (after !== undefined) this.#side('new', path, state.rule, after, state)
    this.#text += '}'
    this.#changes++
  }

  #side(side, path, rule, value, state) {
    if (typeof value === 'object' && value !== null && (rule || state.isLive)) throw new Error('a container under a rule')
    this.#text += side === 'old' ? ',"old":' : ',"new":'
    if (rule === undefined) {
      this.#text += JSON.stringify(value)
    } else if (rule.action === 'mask') {
      const { last } = rule.mask
      this.#text += typeof value === 'string' && value.length > last ? JSON.stringify(`***${value.slice(-last)}`) : '"***"'
    } else {
      const at = `/data/changes/${this.#changes}/${side}`
      this.#fields.push({ group: rule.group, aad: aad(`${side}:${path}`), text: JSON.stringify(value), place: at })
      this.#texts.push(this.#text)
      this.#text = ''
    }
  }

  #seal() {
    const groups = new Map()
    for (const field of this.#fields) {
      let group = groups.get(field.group)
      if (group === undefined) groups.set(field.group, (group = { index: groups.size, fields: [] }))
      field.index = group.index
      group.fields.push(field)
    }
    if (groups.size === 0) return ''
    let out = ',"seals":['
    for (const [name, { index, fields }] of groups) {
      new FieldCipher(this.#keyed.expand('sealtrail/seal/v1/record-key', name)).seal(fields, nonce, 16)
      const commit = this.#keyed.expand('sealtrail/seal/v1/commit', name).base64urlSlice(0, 32)
      out += `${index === 0 ? '' : ','}{"alg":"A256GCM-HS256","group":"${name}","kids":["${keys.subjectKid}","${keys.periodKid}"],"commit":"${commit}","at":[`
      for (let i = 0; i < fields.length; i++) out += i === 0 ? `"${fields[i].place}"` : `,"${fields[i].place}"`
      out += ']}'
    }
    return `${out}]`
  }
}

/** JSON has no functions, so a function is one that every object inherits. */
function isMissing(value, object, key) {
  return value === undefined || typeof value === 'function' || (key === '__proto__' && !Object.hasOwn(object, key))
}

function head({ type, id }, action) {
  const subject = `${type}/${id}`
  return (
    `{"specversion":"1.0","id":"${recordId}","source":"${origin}","type":"sealtrail.change.${action}.v1","subject":${JSON.stringify(subject)},` +
    `"time":"${recordedTime}","datacontenttype":"application/json","recordedtime":"${recordedTime}","correlationid":"${correlationId}",` +
    `"data":{"entity":{"type":${JSON.stringify(type)},"id":${JSON.stringify(id)}},"action":"${action}","changes":[`
  )
}

function escaped(key) {
  if (typeof key === 'number' || !(key.includes('~') || key.includes('/'))) return key
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}

// LE64(2) ‖ LE64(23) ‖ label ‖ LE64(length), and then the location.
const LABEL = 'sealtrail/seal/v1/field'
const AAD_HEAD = Buffer.alloc(16 + LABEL.length + 8)
AAD_HEAD[0] = 2
AAD_HEAD[8] = LABEL.length
AAD_HEAD.write(LABEL, 16)

function aad(location) {
  // Three bytes at most for a unit of UTF-16; of the length, eight bytes with the high ones zero.
  const room = Buffer.allocUnsafe(AAD_HEAD.length + 3 * location.length)
  for (let i = 0; i < AAD_HEAD.length; i++) room[i] = AAD_HEAD[i]
  const length = room.utf8Write(location, AAD_HEAD.length)
  for (let i = 0; i < 4; i++) room[16 + LABEL.length + i] = length >> (8 * i)
  return room.subarray(0, AAD_HEAD.length + length)
}

/** HKDF of one pair of keys (RFC 5869): extracted once, and the states of its HMAC are kept. */
class Keyed {
  #hmac
  #bound = new Map()

  constructor(inputKey) {
    this.#hmac = new Hmac(new Hmac(Buffer.from('sealtrail/seal/v1')).digest(inputKey))
  }

  /** The first 32 bytes, which are one round, for a label and a group of a record. */
  expand(label, group) {
    const name = `${label} ${group}`
    let bound = this.#bound.get(name)
    if (bound === undefined) {
      const bytes = Buffer.concat([info(label, group), Buffer.from([1])])
      this.#bound.set(name, (bound = { bytes, at: bytes.indexOf(recordId) }))
    }
    // All of it stays but the record.
    bound.bytes.latin1Write(recordId, bound.at)
    return this.#hmac.digest(bound.bytes)
  }
}

/** All selectors at one place of a tree, as an automaton whose states are made when they are first reached. */
class State {
  #rules
  #steps
  #at
  #keys = new Map()
  #other
  #item

  /** `at` is a list of [rule, how many of its steps have matched]. */
  constructor(rules, steps, at, above) {
    this.#rules = rules
    this.#steps = steps
    this.#at = at.filter(([rule, matched]) => matched < steps[rule].length)
    const ended = at.filter(([rule, matched]) => matched === steps[rule].length).map(([rule]) => rule)
    const first = Math.min(above ?? Infinity, ...ended)
    this.first = first
    this.rule = rules[first]
    this.isLive = this.#at.length > 0
    this.names = new Set(this.#at.map(([rule, matched]) => steps[rule][matched]))
  }

  key(name) {
    if (!this.names.has(name)) return (this.#other ??= this.#next(undefined))
    let state = this.#keys.get(name)
    if (state === undefined) this.#keys.set(name, (state = this.#next(name)))
    return state
  }

  get item() {
    return (this.#item ??= this.#next(undefined))
  }

  #next(name) {
    if (!this.isLive && name === undefined) return this
    const fits = ([rule, matched]) => [name, '*'].includes(this.#steps[rule][matched])
    return new State(this.#rules, this.#steps, this.#at.filter(fits).map(([rule, matched]) => [rule, matched + 1]), this.first)
  }
}

function stepsOf(select) {
  return select.slice(1).replaceAll('[*]', '.*').split('.').filter(Boolean)
}
