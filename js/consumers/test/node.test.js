import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { CONSUMED, installed, nodes, PAGE_CODE, run } from './installed.js'

const ENTRIES = ['express', 'fastify', 'koa', 'hono', 'nest', 'http', 'pino', 'worker']

let consumer
before(async () => {
  consumer = await installed()
})
after(() => consumer?.remove())

for (const [name, node] of Object.entries(nodes())) {
  const skip = node === undefined && 'no npm package has it for this platform'

  describe(name, { skip }, () => {
    const json = async (args) => JSON.parse((await run(node, args, { cwd: consumer.folder })).stdout)

    test('ESM', async () => {
      await consumer.write('consume.js', PAGE_CODE)
      const file = await consumer.write('esm.js', `
        import { createTrail } from 'sealtrail'
        import { consume } from './consume.js'
        const trail = await createTrail({ url: 'http://127.0.0.1:1', timeoutMs: 50, onError() {} })
        const failed = await trail.record({ entity: { type: 'x', id: 1 }, action: 'create', after: {} }).catch(({ code }) => code)
        await trail.close()
        console.log(JSON.stringify({ ...(await consume()), failed }))`)
      assert.deepEqual(await json([file]), { ...CONSUMED, failed: 'delivery_timeout' })
    })

    test('require of ESM', async () => {
      const file = await consumer.write('cjs.cjs', `
        const { loadEngine, createTrail, SealtrailError } = require('sealtrail')
        const { middleware } = require('sealtrail/express')
        // A top-level await anywhere would be refused.
        for (const entry of ${JSON.stringify(ENTRIES)}) require('sealtrail/' + entry)
        loadEngine().then((engine) => console.log(JSON.stringify([engine.diff({ n: 1 }, { n: 2 }), typeof createTrail, typeof middleware, SealtrailError.name])))`)
      assert.deepEqual(await json([file]), [CONSUMED.changes, 'function', 'function', 'SealtrailError'])
    })

    test('every entry is found, and nothing else', async () => {
      const file = await consumer.write('entries.js', `
        const names = async (entry) => Object.keys(await import('sealtrail/' + entry)).filter((name) => name !== 'default')
        const found = await Promise.all(${JSON.stringify(ENTRIES)}.map(names))
        const hidden = await import('sealtrail/src/trail.js').catch(({ code }) => code)
        console.log(JSON.stringify({ found, hidden }))`)
      const { found, hidden } = await json([file])
      assert.deepEqual(found.map(({ length }) => length), ENTRIES.map((entry) => (entry === 'nest' ? 2 : 1)))
      assert.equal(hidden, 'ERR_PACKAGE_PATH_NOT_EXPORTED')
    })
  })
}
