// FIPS 180-4 in JavaScript: a hash object of node:crypto costs more than the few blocks that a key takes, and its state
// cannot be kept for HMAC.

const K = Int32Array.from(primes(64), (prime) => fraction(Math.cbrt(prime)))
const INITIAL = Int32Array.from(primes(8), (prime) => fraction(Math.sqrt(prime)))

/** HMAC-SHA-256 (RFC 2104) of one key: its two blocks are hashed once. */
export class Hmac {
  #inner
  #outer

  /** A key of at most 64 bytes. */
  constructor(key) {
    const padded = (byte) => {
      const state = INITIAL.slice()
      const block = new Uint8Array(64).fill(byte)
      for (let i = 0; i < key.length; i++) block[i] ^= key[i]
      compress(state, block, 0)
      return state
    }
    this.#inner = padded(0x36)
    this.#outer = padded(0x5c)
  }

  digest(message) {
    return finish(this.#outer, finish(this.#inner, message))
  }
}

const room = new Uint8Array(1024)
const state = new Int32Array(8)
const w = new Int32Array(64)

/** The digest of a block that `from` has seen, and a message of at most 900 bytes. */
function finish(from, message) {
  for (let i = 0; i < 8; i++) state[i] = from[i]
  const end = ((message.length + 9 + 63) >> 6) << 6
  for (let i = 0; i < message.length; i++) room[i] = message[i]
  for (let i = message.length; i < end; i++) room[i] = 0
  room[message.length] = 0x80
  const bits = (64 + message.length) * 8
  room[end - 2] = bits >> 8
  room[end - 1] = bits
  for (let at = 0; at < end; at += 64) compress(state, room, at)
  const out = Buffer.allocUnsafe(32)
  for (let i = 0; i < 32; i++) out[i] = state[i >> 2] >>> (24 - 8 * (i & 3))
  return out
}

function compress(state, bytes, at) {
  for (let i = 0; i < 16; i++, at += 4) w[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15]
    const y = w[i - 2]
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)
    w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0
  }
  // One by one: a list of them would be made and taken apart again, which costs as much as the rounds.
  let a = state[0]
  let b = state[1]
  let c = state[2]
  let d = state[3]
  let e = state[4]
  let f = state[5]
  let g = state[6]
  let h = state[7]
  for (let i = 0; i < 64; i++) {
    const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))
    const t1 = (h + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0
    const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))
    const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  state[0] += a
  state[1] += b
  state[2] += c
  state[3] += d
  state[4] += e
  state[5] += f
  state[6] += g
  state[7] += h
}

function fraction(root) {
  return Math.floor((root - Math.floor(root)) * 2 ** 32)
}

function primes(count) {
  const found = []
  for (let n = 2; found.length < count; n++) if (found.every((prime) => n % prime !== 0)) found.push(n)
  return found
}
