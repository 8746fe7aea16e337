import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'

/** The lines of the golden log (`tests/vectors`), and its checkpoint. */
export async function goldenLog() {
  const golden = (name) => readFile(new URL(`../../../tests/vectors/golden-log-257/${name}`, import.meta.url), 'utf8')
  const lines = (await golden('entries/00000000000000000000.jsonl')).split('\n').slice(0, 257)
  return { lines, checkpoint: await golden('checkpoint') }
}

const sha256 = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest()
const split = (count) => 2 ** Math.floor(Math.log2(count - 1))

/** The root of a tree (RFC 9162 section 2.1.1), and the path of one of its leaves (section 2.1.3.1). */
function rootOf(leaves) {
  if (leaves.length === 1) return leaves[0]
  const k = split(leaves.length)
  return sha256(Buffer.from([1]), rootOf(leaves.slice(0, k)), rootOf(leaves.slice(k)))
}
function pathOf(leaves, index) {
  if (leaves.length === 1) return []
  const k = split(leaves.length)
  return index < k ? [...pathOf(leaves.slice(0, k), index), rootOf(leaves.slice(k))] : [...pathOf(leaves.slice(k), index - k), rootOf(leaves.slice(0, k))]
}

/** The files of a bundle of these records of the golden log, under a checkpoint of it. */
export function bundleOf({ lines, checkpoint }, records, erasures = []) {
  // What the tree holds of a line is its SHA-256.
  const leaves = lines.map((line) => sha256(Buffer.from([0]), sha256(Buffer.from(line))))
  const [origin, size, root] = checkpoint.split('\n')
  const named = (indices) => indices.map((index) => ({ index, id: null }))
  const text = (indices) => indices.map((index) => `${lines[index]}\n`).join('')
  const proofs = [...records, ...erasures].map((index) => [
    `proofs/${index}.tlog-proof`,
    `c2sp.org/tlog-proof@v1\nindex ${index}\n${pathOf(leaves, index).map((hash) => `${hash.toString('base64')}\n`).join('')}\n${checkpoint}`,
  ])
  return {
    checkpoint,
    'manifest.json': JSON.stringify({ format: 'sealtrail bundle 1', origin, size: Number(size), root, records: named(records), erasures: named(erasures) }, null, 2),
    'records.ndjson': text(records),
    'erasures.ndjson': text(erasures),
    ...Object.fromEntries(proofs),
  }
}

/** POSIX ustar, of one folder. */
export function tarOf(files, folder = 'bundle') {
  const blocks = Object.entries(files).map(([name, text]) => {
    const body = Buffer.from(text)
    const header = Buffer.alloc(512)
    header.write(`${folder}/${name}`, 0)
    header.write(body.length.toString(8).padStart(11, '0'), 124)
    header.write('0', 156)
    header.write('ustar\0' + '00', 257)
    return Buffer.concat([header, body, Buffer.alloc(-body.length & 511)])
  })
  return Buffer.concat([...blocks, Buffer.alloc(1024)]).toString()
}

/** As a browser gives the files of a folder that were picked one by one. */
export const dropped = (files) => Object.entries(files).map(([name, text]) => ({ name: name.slice(name.lastIndexOf('/') + 1), text }))
