/**
 * A call of `guest.wasm`, which is the core as the sidecar runs it: a module that imports nothing. It takes a frame (each part
 * its length as 4 bytes little-endian, then its bytes) and gives a status byte, 0 or 1, and a payload.
 *
 * @param {WebAssembly.Exports} exports
 * @param {(string | Uint8Array)[]} parts
 * @returns {{ ok: string } | { error: { code: string, message: string, at?: object } }}
 */
export function callGuest(exports, name, parts) {
  const input = frame(parts)
  const pointer = exports.alloc(input.length)
  if (pointer === 0) return { error: { code: 'too_large', message: `${input.length} bytes are more than the core takes` } }
  new Uint8Array(exports.memory.buffer, pointer, input.length).set(input)
  const result = BigInt.asUintN(64, exports[name](pointer, input.length))
  const output = new Uint8Array(exports.memory.buffer, Number(result >> 32n), Number(result & 0xffffffffn))
  const payload = new TextDecoder().decode(output.subarray(1))
  return output[0] === 0 ? { ok: payload } : { error: JSON.parse(payload) }
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
