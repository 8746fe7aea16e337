import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { after, before } from 'node:test'
import { promisify } from 'node:util'
import { startCollector } from './collector.js'

/** A call with its result as a comment in the line below. */
const SHOWN = /^((?:engine|trail|redacted)(?:\.\w+)?\(.*\))(?: \/\/ .*)?\n\/\/ (.*)$/gm

/** The code, in which each result that is shown is compared with the one that comes; and how many there are. */
export function comparing(code) {
  let shown = 0
  const compared = code.replaceAll(SHOWN, (_, call, result) => {
    shown++
    const isValue = /^\[|^\{ /.test(result) && !/^\[\{"/.test(result)
    return isValue ? `assert.deepEqual(${call}, ${result})` : `assert.equal(${call}.trimEnd(), ${JSON.stringify(result)})`
  })
  return { shown, code: `import assert from 'node:assert/strict'\n${compared}` }
}

/** Runs code out of the documents, each in a process of its own, with a collector in the place of the sidecar at port 8090. */
export function documentedCode() {
  let collector, folder
  let number = 0
  before(async () => {
    collector = await startCollector()
    // Inside the package, so that it imports itself by its name.
    folder = await mkdtemp(new URL('./documented-', import.meta.url).pathname)
  })
  after(async () => {
    await rm(folder, { recursive: true })
    await collector.stop()
  })
  return async (code) => {
    const file = `${folder}/${number++}.mjs`
    await writeFile(file, code.replaceAll('http://127.0.0.1:8090', collector.url))
    const env = { ...process.env, SPOOL_KEY: Buffer.alloc(32, 1).toString('base64') }
    return promisify(execFile)(process.execPath, [file], { timeout: 60_000, cwd: folder, env })
  }
}
