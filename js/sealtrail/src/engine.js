import { changeText } from './change.js'
import { SealtrailError } from './errors.js'
import { Images, WITHOUT_POLICY } from './images.js'
import { jsonText } from './json-text.js'
import { loadedOnce } from './loaded-once.js'
import { LogLines } from './log-lines.js'
import { losses } from './losses.js'
import { checkKinds, knownOptions, missing, mustBe } from './option-checks.js'
import { Sealer } from './sealer.js'
import { VERSION } from './version.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

const DIFF_OPTIONS = new Set(['format', 'tests', 'words', 'entity', 'foldKeys', 'policy', 'raw'])
const ROWS_OPTIONS = new Set(['opened', 'format', 'header'])
const TEXT_OPTIONS = new Set(['unit'])
const PREVIEW_OPTIONS = new Set(['raw'])
const REDACTOR_OPTIONS = new Set(['keep'])

/**
 * The core in this process, and the check of proofs, which is a module of its own. One glue, two loaders
 * (`engine.node.js`, `engine.browser.js`): each hands a function that instantiates the module and resolves to the glue,
 * and to the digest of the module where records are made.
 */
export function engineLoader(instantiate, loadProofCheck) {
  return loadedOnce(async () => {
    const [{ glue, sha256 }, verifyProof] = await Promise.all([instantiate(), loadProofCheck()])
    return new Engine(glue, sha256, verifyProof)
  })
}

class Engine {
  #glue
  #sha256
  #verifyProof

  constructor(glue, sha256, verifyProof) {
    this.#glue = glue
    this.#sha256 = sha256
    this.#verifyProof = verifyProof
  }

  diff(before, after, options) {
    const known = knownOptions(options, DIFF_OPTIONS)
    checkKinds(known, { format: 'string', tests: 'boolean', words: 'boolean', entity: 'string', foldKeys: 'boolean', raw: 'boolean' })
    const { format = 'changes', foldKeys = false, tests, words, entity, policy, raw = false } = known
    const pruning = { ...WITHOUT_POLICY, fold_keys: foldKeys }
    const pruned = policy === undefined ? new Images(pruning).pruned(before, after) : undefined
    const [old, now] = pruned ?? [before, after]
    const images = [jsonBytes(old, '/before'), jsonBytes(now, '/after')]
    const policyBytes = policy === undefined ? undefined : jsonBytes(policy, '/policy')
    const rendering = { format, foldKeys, ...given({ tests, words, entity, policy: policyBytes }) }
    const text = this.#text(() => this.#glue.diff(...images, rendering))
    return raw || format === 'text' || format === 'words' ? text : JSON.parse(text)
  }

  rows(line, options) {
    const known = knownOptions(options, ROWS_OPTIONS)
    checkKinds(known, { format: 'string', header: 'boolean' })
    const { opened, format = 'json', header } = known
    const parts = [jsonBytes(line, '/line'), opened === undefined ? new Uint8Array() : jsonBytes(opened, '/opened')]
    const text = this.#text(() => this.#glue.rows(...parts, { format, ...given({ header }) }))
    return format === 'json' ? JSON.parse(text) : text
  }

  textDifference(before, after, options) {
    const known = knownOptions(options, TEXT_OPTIONS)
    checkKinds(known, { unit: 'string' })
    mustBe(isText(before), 'before', 'a string', before)
    mustBe(isText(after), 'after', 'a string', after)
    const { unit } = known
    const texts = [encoder.encode(wellFormed(before, '/before')), encoder.encode(wellFormed(after, '/after'))]
    const { runs, coarse } = JSON.parse(this.#text(() => this.#glue.textDifference(...texts, given({ unit }))))
    // The edge gives lengths, and the texts are here.
    let [inBefore, inAfter] = [0, 0]
    const run = ([sign, length]) => {
      const text = sign === '-' ? before.slice(inBefore, inBefore + length) : after.slice(inAfter, inAfter + length)
      if (sign !== '+') inBefore += length
      if (sign !== '-') inAfter += length
      return [sign, text]
    }
    return { runs: runs.map(run), coarse }
  }

  preview(policy, change, context = change?.context ?? {}, options) {
    const known = knownOptions(options, PREVIEW_OPTIONS)
    checkKinds(known, { raw: 'boolean' })
    const { raw = false } = known
    // A change that is JSON text already is taken as it is, its own context included.
    const isWritten = isText(change) || change instanceof Uint8Array
    const given = [jsonBytes(policy, '/policy'), jsonBytes(isWritten ? change : changeText(change, jsonText(context, '/context')), '/change')]
    const seed = crypto.getRandomValues(new Uint8Array(32))
    const text = this.#text(() => this.#glue.preview(...given, new Uint8Array(), seed))
    return raw ? text : JSON.parse(text)
  }

  lint(policy, samples = []) {
    mustBe(Array.isArray(samples), 'samples', 'an array', samples)
    const given = Array.from(samples, (sample, i) => jsonBytes(sample, `/samples/${i}`))
    return JSON.parse(this.#text(() => this.#glue.lint(jsonBytes(policy, '/policy'), given)))
  }

  losses(value) {
    return losses(value)
  }

  redactor(policy, options) {
    const { keep = [] } = knownOptions(options, REDACTOR_OPTIONS)
    mustBe(Array.isArray(keep), 'keep', 'an array of selectors', keep)
    const kept = { id: 'kept', version: '1', default: 'drop', rules: Array.from(keep, (select) => ({ select, action: 'keep' })) }
    const redactor = this.#call(() => new this.#glue.Redactor(jsonBytes(policy, '/policy'), jsonBytes(kept, '/keep')))
    const lines = redactor.counts() ? undefined : new LogLines(redactor)
    return (line) => {
      mustBe(isText(line), 'line', 'a string', line)
      return this.#call(() => lines?.redacted(line) ?? redactor.redact(line))
    }
  }

  policySummary(policy) {
    return this.#call(() => this.#glue.policySummary(jsonBytes(policy, '/policy')))
  }

  /** For records that are sealed in this process. */
  sealer(policy) {
    return this.#call(() => new Sealer(this.#glue, policy, { version: VERSION, sha256: this.#sha256 }))
  }

  /** The fields that leased keys open: `[{at, path, side, group, value}]`, as JSON text. */
  openLeased(line, keys) {
    return this.#text(() => this.#glue.openLeased(jsonBytes(line, '/record'), keys))
  }

  verifyProof(proof, line, vkey, options) {
    return this.#verifyProof(proof, line, vkey, options)
  }

  #text(call) {
    return decoder.decode(this.#call(call))
  }

  #call(call) {
    try {
      return call()
    } catch (thrown) {
      throw SealtrailError.from(thrown)
    }
  }
}

/** The options that somebody gave: the edge takes absent ones only as absent. */
function given(options) {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined))
}

function isText(given) {
  return typeof given === 'string'
}

/** A text goes in as it is written: the core reads it once, and says line and column of what is wrong. */
function jsonBytes(given, pointer) {
  if (given === undefined) throw missing(pointer)
  return given instanceof Uint8Array ? given : encoder.encode(typeof given === 'string' ? wellFormed(given, pointer) : jsonText(given, pointer))
}

/** TextEncoder would put U+FFFD in the place of half a pair. */
function wellFormed(text, pointer) {
  if (text.isWellFormed()) return text
  throw new SealtrailError('lone_surrogate', `half of a surrogate pair in the text of \`${pointer}\``, { at: { pointer } })
}
