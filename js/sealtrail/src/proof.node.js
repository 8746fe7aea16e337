import { readFile } from 'node:fs/promises'
import * as glue from '../dist/wasm/proof.js'
import { proofCheckLoader } from './proof.js'

export const loadProofCheck = proofCheckLoader(async () => {
  const bytes = await readFile(new URL('../dist/wasm/proof_bg.wasm', import.meta.url))
  glue.initSync({ module: await WebAssembly.compile(bytes) })
  return glue
})

export async function verifyProof(proof, line, vkey, options) {
  return (await loadProofCheck())(proof, line, vkey, options)
}
