import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { test } from 'node:test'
import { nodes, run } from './installed.js'

/** The package's own tests of what differs between versions of Node: frameworks, sockets, files, threads, promises. */
const FILES = ['middleware', 'delivery', 'transport', 'answer', 'trail', 'spool', 'sealing', 'worker', 'pino']
const folder = fileURLToPath(new URL('../../sealtrail', import.meta.url))
// What a runner tells the processes of its files; these are a run of their own.
const { NODE_TEST_CONTEXT, ...env } = process.env

for (const [name, node] of Object.entries(nodes()).filter(([, node]) => node !== process.execPath)) {
  test(`every framework, and all else that depends on Node: ${name}`, { skip: node === undefined && 'no npm package has it for this platform' }, async () => {
    const files = FILES.map((file) => `test/${file}.test.js`)
    const { stdout } = await run(node, ['--test', '--test-reporter=tap', '--test-timeout=300000', ...files], { cwd: folder, env, maxBuffer: 1 << 26 }).catch((failed) => failed)
    const failed = stdout.split('\n').filter((line) => /^ *not ok/.test(line))
    assert.deepEqual(failed, [])
    const [, passed] = /^# pass (\d+)$/m.exec(stdout)
    assert.ok(Number(passed) > 130, passed)
  })
}
