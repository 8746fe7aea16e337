import { SealtrailError } from './errors.js'

/** The options as they were given, or an error: destructuring alone would not see a misspelt one. */
export function knownOptions(given, known) {
  if (given === undefined) return {}
  if (given === null || typeof given !== 'object' || Array.isArray(given)) {
    throw new SealtrailError('invalid_option', `the options must be an object, got ${kindOf(given)}`)
  }
  for (const name of Object.keys(given)) {
    if (!known.has(name)) throw invalidOption(name, `is not an option; the options are ${[...known].join(', ')}`)
  }
  return given
}

/** Checks the options that are there: `kinds` says for each name `boolean` or `string`. */
export function checkKinds(options, kinds) {
  for (const [name, kind] of Object.entries(kinds)) {
    const given = options[name]
    if (given === undefined || typeof given === kind) continue
    throw invalidOption(name, `must be ${kind === 'boolean' ? 'true or false' : 'a string'}, got ${kindOf(given)}`)
  }
}

export function invalidOption(name, why) {
  return new SealtrailError('invalid_option', `option \`${name}\` ${why}`)
}

/** An argument of a wrong type: what the edge would say of it does not name the argument. */
export function mustBe(isRight, name, expected, given) {
  if (isRight) return
  if (given === undefined) throw missing(`/${name}`)
  throw new SealtrailError('invalid_field', `\`${name}\` must be ${expected}, got ${kindOf(given)}`, { at: { pointer: `/${name}` } })
}

export function missing(pointer) {
  return new SealtrailError('missing_field', `\`${pointer.slice(1)}\` is missing`, { at: { pointer } })
}

/** What a value is, in words: an error does not quote what may be personal. */
export function kindOf(value) {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
