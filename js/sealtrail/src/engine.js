import { changeText } from './change.js'
import { SealtrailError } from './errors.js'
import { imageText, jsonText } from './json-text.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/**
 * The core in this process. One glue, two loaders (`engine.node.js`, `engine.browser.js`): each hands a function that
 * instantiates the module and resolves to the glue; it runs once, at the first use.
 */
export function engineLoader(instantiate) {
  let loading
  return () => {
    loading ??= instantiate().then(
      (glue) => new Engine(glue),
      (cause) => {
        loading = undefined
        throw new SealtrailError('wasm_unavailable', 'the wasm module of this package could not be loaded', { cause })
      },
    )
    return loading
  }
}

class Engine {
  #glue

  constructor(glue) {
    this.#glue = glue
  }

  diff(before, after, { format = 'changes', foldKeys = false, raw = false } = {}) {
    const given = [imageBytes(before, '/before'), imageBytes(after, '/after')]
    const text = this.#text(() => this.#glue.diff(...given, { format, foldKeys }))
    return raw || format === 'text' ? text : JSON.parse(text)
  }

  preview(policy, change, context = {}, { raw = false } = {}) {
    const entropy = crypto.getRandomValues(new Uint8Array(48))
    const given = [imageBytes(policy, '/policy'), encoder.encode(changeText(change, context)), encoder.encode(jsonText(context))]
    const text = this.#text(() => this.#glue.preview(...given, entropy))
    return raw ? text : JSON.parse(text)
  }

  policySummary(policy) {
    return this.#call(() => this.#glue.policySummary(imageBytes(policy, '/policy')))
  }

  verifyProof(proof, line, vkey) {
    const bytes = typeof line === 'string' ? encoder.encode(line) : line
    return this.#call(() => this.#glue.verifyProof(proof, bytes, vkey))
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

function imageBytes(image, pointer) {
  if (image instanceof Uint8Array) return image
  if (image === undefined) throw new SealtrailError('missing_field', `\`${pointer.slice(1)}\` is missing`, { at: { pointer } })
  // A text goes in as it is: the core reads it once and says line and column of what is wrong.
  return encoder.encode(typeof image === 'string' ? image : imageText(image, pointer))
}
