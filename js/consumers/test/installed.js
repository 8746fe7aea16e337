import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const run = promisify(execFile)

/**
 * A folder outside of the workspace, in which the packed package is installed as from a registry: what is missing from
 * the tarball is missing here too.
 */
export async function installed() {
  // Vite resolves links, and would look for its files elsewhere.
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'sealtrail-consumer-')))
  const packageFolder = fileURLToPath(new URL('../../sealtrail', import.meta.url))
  const { stdout } = await run('npm', ['pack', '--json', '--loglevel=error', '--pack-destination', folder], { cwd: packageFolder })
  const [packed] = Object.values(JSON.parse(stdout))
  const tarball = join(folder, packed.filename)
  await writeFile(join(folder, 'package.json'), '{"name":"consumer","private":true,"type":"module"}')
  await run('npm', ['install', '--offline', '--no-audit', '--no-fund', '--ignore-scripts', '--loglevel=error', tarball], { cwd: folder })
  return {
    folder,
    tarball,
    packed,
    package: join(folder, 'node_modules/sealtrail'),
    /** Writes a file of the consumer; gives its path. */
    async write(name, text) {
      await mkdir(join(folder, name, '..'), { recursive: true })
      await writeFile(join(folder, name), text)
      return join(folder, name)
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  }
}

/** This Node, and those of other versions that npm packages bring for this platform; undefined where there is none. */
export function nodes() {
  const require = createRequire(import.meta.url)
  const other = (major) => {
    try {
      return join(require.resolve(`node-${major}-${process.platform}-${process.arch}/package.json`), '../bin/node')
    } catch {
      return undefined
    }
  }
  return { [`this Node, ${process.version}`]: process.execPath, 'Node 22': other(22), 'Node 24': other(24) }
}

/** What a consumer does in a page: it looks at a change and at a proof, and sees an error with its code. */
export const PAGE_CODE = `
import { loadEngine, SealtrailError, verifyProof } from 'sealtrail'

export async function consume() {
  const engine = await loadEngine()
  const policy = { id: 'p', version: '1', default: 'seal', rules: [{ select: '$.n', action: 'keep' }] }
  const change = { entity: { type: 'x', id: 1 }, action: 'update', before: { n: 1, email: 'a' }, after: { n: 2, email: 'b' } }
  const { record, fields } = engine.preview(policy, change)
  const code = await verifyProof('x', '{}', 'y').catch((error) => error instanceof SealtrailError && error.code)
  return { changes: engine.diff({ n: 1 }, { n: 2 }), sealed: record.data.changes.find(({ path }) => path === '/email').new.slice(0, 4), fields: fields.length, code }
}
`
export const CONSUMED = {
  changes: [{ op: 'replace', path: '/n', old: 1, new: 2 }], sealed: 'st1.', fields: 4, code: 'proof_malformed',
}
