import { readFile } from 'node:fs/promises'

/** Where everything is that a run needs, by the name under which a browser asks for it. */
export const FILES = {
  'runner.js': new URL('./runner.js', import.meta.url),
  // As the runner asks for it.
  'console/page/worker/guest-abi.js': new URL('../console/page/worker/guest-abi.js', import.meta.url),
  'guest.wasm': new URL('../console/dist/guest.wasm', import.meta.url),
  'glue.js': new URL('../sealtrail/dist/wasm/sealtrail.js', import.meta.url),
  'glue.wasm': new URL('../sealtrail/dist/wasm/sealtrail_bg.wasm', import.meta.url),
  'capture.json': new URL('../../tests/vectors/capture.json', import.meta.url),
  'seal-v1-calls.json': new URL('../../tests/vectors/seal-v1-calls.json', import.meta.url),
}

export const VECTORS = ['capture.json', 'seal-v1-calls.json']

export const read = (name) => readFile(FILES[name])
