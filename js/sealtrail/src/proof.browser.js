import * as glue from '../dist/wasm/proof.js'
import { proofCheckLoader } from './proof.js'

export const loadProofCheck = proofCheckLoader(async () => {
  await glue.default({ module_or_path: new URL('../dist/wasm/proof_bg.wasm', import.meta.url) })
  return glue
})

export async function verifyProof(proof, line, vkey, options) {
  return (await loadProofCheck())(proof, line, vkey, options)
}
