import * as glue from '../../../sealtrail/dist/wasm/proof.js'
import { wasmBytes } from '../wasm-bytes.js'

/** The check of proofs is a wasm module of its own, which is loaded when somebody wants to check one. */
let loading
export function loadProofCheck() {
  loading ??= wasmBytes('proof.wasm').then(
    async (bytes) => {
      glue.initSync({ module: await WebAssembly.compile(bytes) })
      return inspect
    },
    (error) => {
      loading = undefined
      throw error
    },
  )
  return loading
}

const encoder = new TextEncoder()

/** Every check of a proof by itself, that of witnesses where there is a policy for them; see `inspectProof` of the module. */
function inspect({ line, proof, vkey, witnessPolicy }) {
  const policy = witnessPolicy === undefined ? undefined : encoder.encode(witnessPolicy)
  return glue.inspectProof(encoder.encode(proof), encoder.encode(line), vkey, policy)
}
