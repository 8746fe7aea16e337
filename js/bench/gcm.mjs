import { createCipheriv } from 'node:crypto'

const BLOCK = 16
// From here on a cipher of its own costs less than GHASH in JavaScript.
const LONG = 768

// Kept from record to record.
let scratch = Buffer.alloc(4096)
let counters = Buffer.alloc(4096)

/**
 * AES-256-GCM of all fields of a record in one go: one call of AES-ECB gives the key stream of every field, and GHASH is
 * done here, because a cipher object of node:crypto costs more than a short field is long.
 */
export class FieldCipher {
  #key
  #ghash

  constructor(key) {
    this.#key = key
  }

  /** Each field is `{aad, text, token}`; `token` is set to base64url of nonce, ciphertext and tag. */
  seal(fields, nonce, pad) {
    let size = 0
    let blocks = 1
    for (const field of fields) {
      // Three bytes at most for a unit of UTF-16.
      size += 12 + Math.ceil((field.text.length * 3) / BLOCK) * BLOCK + BLOCK
    }
    if (scratch.length < size) scratch = Buffer.alloc(2 * size)
    let at = 0
    for (const field of fields) {
      const start = at + 12
      let end = start + scratch.utf8Write(field.text, start)
      const padded = start + Math.ceil((end - start) / pad) * pad
      while (end < padded) scratch[end++] = 0x20
      field.at = at
      field.end = end
      at = end + BLOCK
      if (end - start <= LONG) blocks += 1 + (end - start) / BLOCK
    }
    const stream = this.#stream(fields, nonce, blocks)
    this.#ghash ??= new Ghash(stream)
    let block = BLOCK
    for (const field of fields) {
      const start = field.at + 12
      const end = field.end
      for (let i = 0; i < 12; i++) scratch[field.at + i] = nonce[i]
      if (end - start > LONG) {
        this.#alone(field, nonce)
      } else {
        const first = block
        block += BLOCK
        for (let i = start; i < end; i++) scratch[i] ^= stream[block++]
        this.#ghash.tag(field.aad, scratch, start, end, stream, first)
      }
      field.token = scratch.base64urlSlice(field.at, end + BLOCK)
    }
  }

  /** The encrypted zero block, then for each short field its first block and those of its text. */
  #stream(fields, nonce, blocks) {
    if (counters.length < blocks * BLOCK) counters = Buffer.alloc(2 * blocks * BLOCK)
    counters.fill(0, 0, BLOCK)
    let at = BLOCK
    for (const field of fields) {
      const length = field.end - field.at - 12
      if (length > LONG) continue
      for (let counter = 1; counter <= 1 + length / BLOCK; counter++) {
        for (let i = 0; i < 12; i++) counters[at + i] = nonce[i]
        counters[at + 12] = counters[at + 13] = 0
        counters[at + 14] = counter >> 8
        counters[at + 15] = counter
        at += BLOCK
      }
    }
    const cipher = createCipheriv('aes-256-ecb', this.#key, null)
    cipher.setAutoPadding(false)
    return cipher.update(counters.subarray(0, at))
  }

  #alone(field, nonce) {
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce)
    cipher.setAAD(field.aad)
    cipher.update(scratch.subarray(field.at + 12, field.end)).copy(scratch, field.at + 12)
    cipher.final()
    cipher.getAuthTag().copy(scratch, field.end)
  }
}

// What eight bits that fall off the end come back as (NIST SP 800-38D §6.3, R = 11100001 ‖ 0^120).
const REDUCED = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte
  let top = 0
  for (let i = 0; i < 8; i++) {
    const out = value & 1
    value = value >>> 1
    top = top >>> 1
    if (out) top ^= 0xe1000000
  }
  return top
})

// All multiples of H by a byte, of the key that is in use: four words each.
const table = new Int32Array(4 * 256)
const z = new Int32Array(4)

/** GHASH of one key; the next one takes its place. */
class Ghash {
  constructor(h) {
    for (let word = 0; word < 4; word++) table[4 * 128 + word] = h.readInt32BE(4 * word)
    for (let bit = 64; bit > 0; bit >>= 1) {
      const from = 8 * bit
      const to = 4 * bit
      table[to] = (table[from] >>> 1) ^ (table[from + 3] & 1 ? 0xe1000000 : 0)
      table[to + 1] = (table[from + 1] >>> 1) | (table[from] << 31)
      table[to + 2] = (table[from + 2] >>> 1) | (table[from + 1] << 31)
      table[to + 3] = (table[from + 3] >>> 1) | (table[from + 2] << 31)
    }
    for (let bit = 8; bit < 1024; bit <<= 1) {
      for (let low = 4; low < bit; low += 4) {
        const to = bit + low
        table[to] = table[bit] ^ table[low]
        table[to + 1] = table[bit + 1] ^ table[low + 1]
        table[to + 2] = table[bit + 2] ^ table[low + 2]
        table[to + 3] = table[bit + 3] ^ table[low + 3]
      }
    }
  }

  /** Writes the tag behind the ciphertext. */
  tag(aad, bytes, start, end, stream, first) {
    z[0] = z[1] = z[2] = z[3] = 0
    for (let at = 0; at < aad.length; at += BLOCK) this.#block(aad, at, Math.min(at + BLOCK, aad.length))
    for (let at = start; at < end; at += BLOCK) this.#block(bytes, at, Math.min(at + BLOCK, end))
    z[1] ^= aad.length * 8
    z[3] ^= (end - start) * 8
    this.#multiply()
    for (let i = 0; i < BLOCK; i++) bytes[end + i] = (z[i >> 2] >>> (24 - 8 * (i & 3))) ^ stream[first + i]
  }

  #block(bytes, at, end) {
    if (end - at === BLOCK) {
      z[0] ^= (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]
      z[1] ^= (bytes[at + 4] << 24) | (bytes[at + 5] << 16) | (bytes[at + 6] << 8) | bytes[at + 7]
      z[2] ^= (bytes[at + 8] << 24) | (bytes[at + 9] << 16) | (bytes[at + 10] << 8) | bytes[at + 11]
      z[3] ^= (bytes[at + 12] << 24) | (bytes[at + 13] << 16) | (bytes[at + 14] << 8) | bytes[at + 15]
    } else {
      for (let i = 0; at + i < end; i++) z[i >> 2] ^= bytes[at + i] << (24 - 8 * (i & 3))
    }
    this.#multiply()
  }

  #multiply() {
    const x0 = z[0]
    const x1 = z[1]
    const x2 = z[2]
    const x3 = z[3]
    let z0 = 0
    let z1 = 0
    let z2 = 0
    let z3 = 0
    for (let i = 15; i >= 0; i--) {
      const word = i > 11 ? x3 : i > 7 ? x2 : i > 3 ? x1 : x0
      const entry = ((word >>> (24 - 8 * (i & 3))) & 255) << 2
      const out = z3 & 255
      z3 = ((z3 >>> 8) | (z2 << 24)) ^ table[entry + 3]
      z2 = ((z2 >>> 8) | (z1 << 24)) ^ table[entry + 2]
      z1 = ((z1 >>> 8) | (z0 << 24)) ^ table[entry + 1]
      z0 = (z0 >>> 8) ^ REDUCED[out] ^ table[entry]
    }
    z[0] = z0
    z[1] = z1
    z[2] = z2
    z[3] = z3
  }
}
