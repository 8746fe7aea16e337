import { SealtrailError } from './errors.js'

/** A function that loads a module at its first call, and again after a call that failed. */
export function loadedOnce(load) {
  let loading
  return () => {
    loading ??= load().catch((cause) => {
      loading = undefined
      if (cause instanceof SealtrailError) throw cause
      throw new SealtrailError('wasm_unavailable', 'a wasm module of this package could not be loaded', { cause })
    })
    return loading
  }
}
