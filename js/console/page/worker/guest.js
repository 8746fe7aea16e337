/**
 * The core as the sidecar runs it: one wasm module that imports nothing. A call takes a frame (each part its length as
 * 4 bytes little-endian, then its bytes) and gives a status byte, 0 or 1, and a payload.
 */
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
    const { exports } = new WebAssembly.Instance(this.#module, {})
    const input = frame(parts)
    const pointer = exports.alloc(input.length)
    if (pointer === 0) throw new GuestError({ code: 'too_large', message: `${input.length} bytes are more than the core takes` })
    new Uint8Array(exports.memory.buffer, pointer, input.length).set(input)
    const result = BigInt.asUintN(64, exports[name](pointer, input.length))
    const output = new Uint8Array(exports.memory.buffer, Number(result >> 32n), Number(result & 0xffffffffn))
    const payload = new TextDecoder().decode(output.subarray(1))
    if (output[0] !== 0) throw new GuestError(JSON.parse(payload))
    return payload
  }
}

export class GuestError extends Error {
  constructor({ code, message, at }) {
    super(message)
    this.code = code
    this.at = at
  }
}

function frame(parts) {
  const encoder = new TextEncoder()
  const bytes = parts.map((part) => (typeof part === 'string' ? encoder.encode(part) : part))
  const out = new Uint8Array(bytes.reduce((sum, part) => sum + 4 + part.length, 0))
  const view = new DataView(out.buffer)
  let offset = 0
  for (const part of bytes) {
    view.setUint32(offset, part.length, true)
    out.set(part, offset + 4)
    offset += 4 + part.length
  }
  return out
}

/** Browsers give `crypto.subtle` to https, localhost and files only. */
async function digestOf(bytes) {
  if (!globalThis.crypto?.subtle) return undefined
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
