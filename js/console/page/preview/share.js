/** A link carries a policy, and never a payload: `#policy=` and the policy's text, deflated, in base64url. */
const PREFIX = '#policy='

/** Mail programs and chats cut longer links. */
export const LONGEST_LINK = 8000

/** A link that was made to swell is given up here, long before it fills the memory. */
const LONGEST_POLICY = 256 * 1024

export async function linkOf(policy) {
  const deflated = await collected(new Blob([policy]).stream().pipeThrough(new CompressionStream('deflate-raw')))
  const length = PREFIX.length + Math.ceil((deflated.length * 4) / 3)
  if (length > LONGEST_LINK) throw new Error(`the policy makes a link of ${length} characters, and ${LONGEST_LINK} are the most that travel safely`)
  return PREFIX + base64url(deflated)
}

export function isPolicyLink(hash) {
  return hash.startsWith(PREFIX)
}

/** The policy that a link carries; undefined where it carries none, an error where it is damaged. */
export async function policyOf(hash) {
  if (!isPolicyLink(hash)) return undefined
  try {
    if (hash.length > LONGEST_LINK) throw new Error('too long')
    const text = atob(hash.slice(PREFIX.length).replaceAll('-', '+').replaceAll('_', '/'))
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0))
    const inflated = await collected(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw')))
    return new TextDecoder('utf-8', { fatal: true }).decode(inflated)
  } catch {
    throw new Error('the link carries a policy that cannot be read: it was cut or changed on its way')
  }
}

async function collected(stream) {
  const pieces = []
  let length = 0
  const reader = stream.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    length += value.length
    if (length > LONGEST_POLICY) {
      await reader.cancel()
      throw new Error(`the policy is longer than ${LONGEST_POLICY} bytes`)
    }
    pieces.push(value)
  }
  return new Uint8Array(await new Blob(pieces).arrayBuffer())
}

function base64url(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}
