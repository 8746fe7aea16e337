import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as glue from '../../sealtrail/dist/wasm/sealtrail.js'
import { read, VECTORS } from '../files.js'
import { edgeInstance, edgeSkips, guestInstance, runVectors } from '../runner.js'

glue.initSync({ module: await WebAssembly.compile(await read('glue.wasm')) })
const guest = await WebAssembly.compile(await read('guest.wasm'))

test('guest.wasm imports nothing', () => {
  assert.deepEqual(WebAssembly.Module.imports(guest), [])
})

for (const file of VECTORS) {
  const vectors = JSON.parse(await read(file))

  test(`${file}: guest.wasm in Node`, () => {
    const { wrong, calls } = runVectors(vectors, () => guestInstance(guest))
    assert.deepEqual(wrong, [])
    assert.equal(calls, vectors.cases.flatMap((c) => c.calls).length)
  })

  test(`${file}: the package's edge in Node`, () => {
    const { wrong, calls } = runVectors(vectors, () => edgeInstance(glue), { skips: edgeSkips })
    assert.deepEqual(wrong, [])
    assert.ok(calls > 20)
  })
}

test('the runner sees a wrong byte', async () => {
  const vectors = JSON.parse(await read('capture.json'))
  const sealing = vectors.cases.find((c) => c.calls.length === 4 && c.calls[3].ok)
  sealing.calls[3].ok = sealing.calls[3].ok.replace('specversion', 'specversiom')
  assert.equal(runVectors({ cases: [sealing] }, () => guestInstance(guest)).wrong.length, 1)
  assert.equal(runVectors({ cases: [sealing] }, () => edgeInstance(glue)).wrong.length, 1)
})
