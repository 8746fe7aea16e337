import { callGuest } from './guest-abi.js'

/** The core as the sidecar runs it. */
export class Guest {
  #module

  constructor(module, sha256) {
    this.#module = module
    this.sha256 = sha256
  }

  /** From the bytes of `guest.wasm`; the digest is of these very bytes. */
  static async compile(bytes) {
    const [module, sha256] = await Promise.all([WebAssembly.compile(bytes), digestOf(bytes)])
    return new Guest(module, sha256)
  }

  /** A new instance for every call, as in the sidecar: nothing is left over from the one before. */
  call(name, ...parts) {
    const { ok, error } = callGuest(new WebAssembly.Instance(this.#module, {}).exports, name, parts)
    if (error) throw new GuestError(error)
    return ok
  }
}

export class GuestError extends Error {
  constructor({ code, message, at }) {
    super(message)
    this.code = code
    this.at = at
  }
}

/** Browsers give `crypto.subtle` to https, localhost and files only. */
async function digestOf(bytes) {
  if (!globalThis.crypto?.subtle) return undefined
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
