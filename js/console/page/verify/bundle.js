/**
 * A bundle: records with everything that it takes to check them, as `sealtrail export --format bundle` writes it. A folder,
 * or a tar archive (POSIX ustar) of it; sidecar/src/export/bundle says what is in it.
 */
const FORMAT = 'sealtrail bundle 1'
const BLOCK = 512

/** Whether these files are one, and not a record, a proof or a key. */
export function isBundle(files) {
  return files.some((file) => isTar(file.text) || isManifest(file))
}

function isManifest({ name, text }) {
  return baseOf(name) === 'manifest.json' && text?.includes(FORMAT)
}

/** The folder that a bundle came in, with its slash; empty where that was an archive, or where a browser gives none. */
export function folderOf(files) {
  const name = files.find(isManifest)?.name ?? ''
  return name.slice(0, name.lastIndexOf('/') + 1)
}

function isTar(text) {
  return text?.slice(257, 262) === 'ustar'
}

/**
 * The lines of a bundle, each with its proof: `{ origin, size, root, note, lines: [{ index, line, proof }], records, erasures }`.
 * Throws what does not fit together; whether it is true is for the verifier key.
 */
export function readBundle(files) {
  const tar = files.find(({ text }) => isTar(text))
  const parts = byName(tar ? untar(new TextEncoder().encode(tar.text)) : files)
  const part = (name) => {
    const text = parts.get(name)
    if (text === undefined) throw new Error(`the bundle has no ${name}`)
    return text
  }
  const manifest = manifestOf(part('manifest.json'))
  const known = new Set()
  const linesOf = (file, named) => {
    const stored = part(file).split('\n')
    if (stored.at(-1) === '') stored.pop()
    if (stored.length !== named.length) throw new Error(`${file} has ${stored.length} lines, and the manifest names ${named.length}`)
    return named.map(({ index }, at) => {
      if (!Number.isSafeInteger(index) || index < 0) throw new Error('the manifest names a record by something that is no index')
      if (known.has(index)) throw new Error(`the manifest names record ${index} twice`)
      known.add(index)
      return { index, line: stored[at], proof: part(`proofs/${index}.tlog-proof`) }
    })
  }
  const [records, erasures] = [linesOf('records.ndjson', manifest.records), linesOf('erasures.ndjson', manifest.erasures)]
  const { origin, size, root } = manifest
  return { origin, size, root, note: part('checkpoint'), lines: [...records, ...erasures], records: records.length, erasures: erasures.length }
}

function manifestOf(text) {
  let manifest
  try {
    manifest = JSON.parse(text)
  } catch {
    throw new Error('manifest.json is no JSON')
  }
  if (manifest?.format !== FORMAT) throw new Error(`manifest.json is not of the format "${FORMAT}"`)
  if (!Array.isArray(manifest.records) || !Array.isArray(manifest.erasures)) throw new Error('manifest.json names no records')
  return manifest
}

const baseOf = (name) => name.slice(name.lastIndexOf('/') + 1)

/** By their names in the bundle, whatever folder that was in, or without any where a browser gives none. */
function byName(files) {
  const names = new Map()
  for (const { name, text, error } of files) {
    if (error !== undefined) throw new Error(error)
    const base = baseOf(name)
    names.set(base.endsWith('.tlog-proof') ? `proofs/${base}` : base, text)
  }
  return names
}

/** Files of a tar archive. */
function untar(bytes) {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const files = []
  for (let at = 0; at + BLOCK <= bytes.length && bytes[at] !== 0; ) {
    const field = (from, length) => decoder.decode(bytes.subarray(at + from, at + from + length)).split('\0')[0]
    const [name, size, type] = [field(0, 100), Number.parseInt(field(124, 12), 8), field(156, 1)]
    const start = at + BLOCK
    if (!Number.isSafeInteger(size) || start + size > bytes.length) throw new Error(`the archive ends within ${name}`)
    if (type === '0' || type === '') files.push({ name, text: decoder.decode(bytes.subarray(start, start + size)) })
    at = start + Math.ceil(size / BLOCK) * BLOCK
  }
  return files
}

/** Some hundredths of a second; then the page may draw. */
const SLICE = 30

/**
 * Checks every line of a bundle under its checkpoint; `{ checked, failed: [{ index, message }], witnessed }`, and again as it
 * goes on. Ends early when `isStale`.
 */
export async function checkBundle({ note, lines, size }, { vkey, witnessPolicy }, inspect, onProgress, isStale) {
  const witnessed = witnessPolicy === undefined ? undefined : checkWitnesses(note, { vkey, witnessPolicy }, inspect)
  const failed = []
  let until = performance.now() + SLICE
  for (const [at, { index, line, proof }] of lines.entries()) {
    const found = inspect({ line, proof, vkey })
    const trouble = found.checks.find(({ outcome }) => outcome === 'failed')
    if (!found.holds) failed.push({ index, message: trouble?.message ?? 'a check could not be made' })
    // A proof of another record, or under another checkpoint, proves something else.
    else if (found.index !== String(index) || found.size !== String(size) || proof.slice(proof.indexOf('\n\n') + 2) !== note) {
      failed.push({ index, message: 'the proof is of another record, or under another checkpoint, than the bundle says' })
    }
    if (performance.now() < until) continue
    onProgress({ checked: at + 1, failed: [...failed], witnessed })
    await new Promise((resolve) => setTimeout(resolve))
    if (isStale()) return undefined
    until = performance.now() + SLICE
  }
  return { checked: lines.length, failed, witnessed }
}

/**
 * What a policy's witnesses say of the checkpoint that all proofs of a bundle are under, `{ outcome, message }` or
 * `{ outcome, witnesses }`: asked once, of a proof that has this checkpoint and is of no record.
 */
function checkWitnesses(note, given, inspect) {
  const found = inspect({ ...given, line: '', proof: `c2sp.org/tlog-proof@v1\nindex 0\n\n${note}` })
  const { outcome, message } = found.checks.find(({ name }) => name === 'witnesses')
  return { outcome, message, witnesses: found.witnesses }
}
