import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import * as glue from '../dist/wasm/sealtrail.js'
import { engineLoader } from './engine.js'
import { loadProofCheck } from './proof.node.js'

export const loadEngine = engineLoader(async () => {
  const bytes = await readFile(new URL('../dist/wasm/sealtrail_bg.wasm', import.meta.url))
  glue.initSync({ module: await WebAssembly.compile(bytes) })
  return { glue, sha256: createHash('sha256').update(bytes).digest('hex') }
}, loadProofCheck)
