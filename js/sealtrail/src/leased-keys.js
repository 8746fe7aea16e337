import { SealtrailError } from './errors.js'

const KEY_BYTES = 32
const BEFORE_KEY = Buffer.from('"key":"')
const QUOTE = 0x22

const SIX_BITS = new Uint8Array(256).fill(64)
for (const [six, letter] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].entries()) {
  SIX_BITS[letter.charCodeAt(0)] = six
}

/**
 * Takes the keys out of an answer with leases, and leaves spaces in their place: what becomes a string of JavaScript
 * nobody can wipe. In a JSON text these bytes stand nowhere but before the value of a member of that name.
 *
 * @param {Uint8Array} bytes of JSON; they are changed
 */
export function takeKeys(bytes) {
  const keys = []
  try {
    for (let at = 0; (at = bytes.indexOf(BEFORE_KEY, at)) !== -1; ) {
      at += BEFORE_KEY.length
      const end = bytes.indexOf(QUOTE, at)
      const text = bytes.subarray(at, end)
      keys.push(decoded(text))
      text.fill(0x20)
    }
  } catch (error) {
    for (const key of keys) key.fill(0)
    bytes.fill(0)
    throw error
  }
  return keys
}

/** base64url without padding (RFC 4648 section 5). */
function decoded(text) {
  const key = new Uint8Array(KEY_BYTES)
  let [held, bits, at] = [0, 0, 0]
  for (const letter of text) {
    const six = SIX_BITS[letter]
    if (six === 64) throw notAKey()
    held = ((held << 6) | six) & 0xffff
    bits += 6
    if (bits < 8) continue
    bits -= 8
    key[at++] = held >> bits
  }
  if (at !== KEY_BYTES) throw notAKey()
  return key
}

function notAKey() {
  return new SealtrailError('unexpected_response', 'the sidecar answered a key that is not 32 bytes in base64url')
}

/** What `openLeased` and `sealLeased` take: the keys of one answer, in their order, with what stands beside each. */
export function withKeys(members, keys) {
  return members.map(({ key: _, commit, ...rest }) => ({
    ...rest, key: keys.shift(), ...(commit === undefined ? undefined : { commit: Buffer.from(commit, 'base64url') }),
  }))
}

export function wipe(leased) {
  for (const { key } of leased) key.fill(0)
}
