import * as glue from '../dist/wasm/sealtrail.js'
import { engineLoader } from './engine.js'
import { loadProofCheck } from './proof.browser.js'

export const loadEngine = engineLoader(async () => {
  await glue.default({ module_or_path: new URL('../dist/wasm/sealtrail_bg.wasm', import.meta.url) })
  return { glue }
}, loadProofCheck)
