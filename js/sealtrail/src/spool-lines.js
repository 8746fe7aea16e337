import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

const [NONCE_BYTES, TAG_BYTES] = [12, 16]
const ABOUT = Buffer.from('sealtrail/spool/1')

/**
 * How a line of the spool is written: as it is, or as a JSON string of base64,
 *
 *     nonce (12 bytes, random) | AES-256-GCM of the line | tag (16 bytes)      additional data: "sealtrail/spool/1"
 */
export class SpoolLines {
  #key

  /** @param {Uint8Array} [key] 32 bytes */
  constructor(key) {
    this.#key = key
  }

  write(text) {
    if (this.#key === undefined) return Buffer.from(`${text}\n`)
    const nonce = randomBytes(NONCE_BYTES)
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(ABOUT)
    const sealed = Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()])
    return Buffer.from(`"${sealed.toString('base64')}"\n`)
  }

  /** The line, or undefined where it was not written by this key. */
  read(written) {
    if (this.#key === undefined) return written[0] === 0x7b ? written.subarray(0, -1).toString() : undefined
    const sealed = Buffer.from(written.subarray(1, -2).toString('latin1'), 'base64')
    if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined
    const decipher = createDecipheriv('aes-256-gcm', this.#key, sealed.subarray(0, NONCE_BYTES)).setAAD(ABOUT)
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES))
    try {
      return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString()
    } catch {
      return undefined
    }
  }
}
