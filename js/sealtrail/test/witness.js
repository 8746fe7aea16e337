import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { readFile } from 'node:fs/promises'

/**
 * A witness after C2SP tlog-cosignature (`cosignature/v1`) and signed-note, of Node's own Ed25519 and of nothing of the
 * product: its key for a policy, and what it makes of a checkpoint, or of a proof, which ends in one.
 */
export function newWitness(name) {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const key = Buffer.concat([Buffer.of(4), publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)])
  const id = createHash('sha256').update(`${name}\n`).update(key).digest().subarray(0, 4)
  return {
    vkey: `${name}+${id.toString('hex')}+${key.toString('base64')}`,
    cosign(note, time) {
      const start = note.startsWith('c2sp.org/tlog-proof@') ? note.indexOf('\n\n') + 2 : 0
      const text = note.slice(start, note.lastIndexOf('\n\n') + 1)
      const stamp = Buffer.alloc(8)
      stamp.writeBigUInt64BE(BigInt(time))
      const signature = sign(null, Buffer.from(`cosignature/v1\ntime ${time}\n${text}`), privateKey)
      return `${note}\u2014 ${name} ${Buffer.concat([id, stamp, signature]).toString('base64')}\n`
    },
  }
}

/** The last record of the golden log: its path to the root is the one hash of the 256 before it, in the log's own tile. */
export async function goldenRecord() {
  const golden = (name) => readFile(new URL(`../../../tests/vectors/golden-log-257/${name}`, import.meta.url))
  const line = (await golden('entries/00000000000000000000.jsonl')).toString().split('\n')[256]
  const tile = await golden('tile/1/000.p/1')
  const proof = `c2sp.org/tlog-proof@v1\nindex 256\n${tile.toString('base64')}\n\n${await golden('checkpoint')}`
  return { line, proof, vkey: (await golden('log.vkey')).toString() }
}
