import { randomUUID } from 'node:crypto'
import { link, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { SealtrailError } from './errors.js'

/** The folders that this process uses. */
const ours = new Set()

/**
 * One process uses a folder. Resolves with what gives it free again; rejects where another process that is alive has it.
 * Node knows no locks on files, so this is a file with the id of the process.
 */
export async function lockFolder(folder) {
  const real = await realpath(folder)
  if (ours.has(real)) throw inUse(folder, 'a trail of this process')
  ours.add(real)
  const lock = join(real, 'lock')
  const own = `${lock}.${randomUUID()}`
  try {
    await writeFile(own, String(process.pid), { mode: 0o600 })
    // A link is made whole or not at all.
    while (!(await link(own, lock).then(() => true, ifExists))) {
      const pid = Number(await readFile(lock, 'utf8').catch(() => process.pid))
      // In a container the process before had the same id.
      if (pid !== process.pid && isAlive(pid)) throw inUse(folder, `process ${pid}`)
      await rm(lock, { force: true })
    }
  } catch (error) {
    ours.delete(real)
    throw error
  } finally {
    await rm(own, { force: true })
  }
  return async () => {
    ours.delete(real)
    await rm(lock, { force: true })
  }
}

function ifExists(error) {
  if (error.code === 'EEXIST') return false
  throw error
}

function isAlive(pid) {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function inUse(folder, by) {
  return new SealtrailError('spool_in_use', `the spool in \`${folder}\` is used by ${by}: each process needs a folder of its own`)
}
