// node bench/adversarial.mjs: inputs that are made to be slow, ours against JSON.parse and microdiff; prints figures as
// JSON. Every other library has some seconds in a thread of its own, because some would take minutes.
import assert from 'node:assert/strict'
import { Worker } from 'node:worker_threads'
import { compiled, edge } from './edge.mjs'
import { COUNT, images, inAnotherOrder, items, mix } from './items.mjs'
import { measure } from './measure.mjs'
import { peers } from './peers.mjs'

const LIMIT_SECONDS = 4

const cases = {
  '20,000 items in another order': inAnotherOrder(),
  '20,000 items, all different': images(items(), items().map(({ id }) => ({ id: id + COUNT, value: `w${mix(id)}` }))),
  '20,000 items, one put in at the head': images(items(), [{ id: -1, value: 'new' }, ...items()]),
  '100 levels, two keys swapped on each': nested(),
}
const matchings = { sequence: undefined, key: { match: 'key', key: 'id' }, set: { match: 'set' } }

const module = await compiled()
const glue = await edge(module)
const results = {}
for (const [name, [before, after]] of Object.entries(cases)) {
  const contenders = { microdiff: () => peers.microdiff(JSON.parse(before.toString()), JSON.parse(after.toString())) }
  for (const [matching, rule] of Object.entries(matchings)) {
    const arrays = rule ? [{ select: '$.items', ...rule }] : []
    const policy = Buffer.from(JSON.stringify({ id: 'p', version: '1', default: 'keep', arrays }))
    const diff = (glue) => glue.diff(before, after, { policy })
    // An instance that has a past and one that has none.
    const other = await edge(module, `?${encodeURIComponent(name + matching)}`)
    assert.deepEqual(diff(glue), diff(other), `${name}: two runs differ`)
    contenders[matching] = () => diff(glue)
  }
  results[name] = { bytes: before.length + after.length, ...measure(contenders, 0.7) }
  for (const peer of Object.keys(peers).filter((peer) => peer !== 'microdiff')) {
    results[name][peer] = await limited(peer, before, after)
  }
}
console.log(JSON.stringify({ limit: LIMIT_SECONDS, cases: results }))

/** The leaf is long, so that whoever reads it again on each level shows. */
function nested() {
  const leaf = JSON.stringify(Array.from({ length: 14_000 }, (_, i) => mix(i) % 1_000_000))
  let [before, after] = [leaf, leaf]
  for (let level = 0; level < 100; level++) {
    before = `{"a":${level},"b":${before}}`
    after = `{"b":${after},"a":${level}}`
  }
  return [Buffer.from(before), Buffer.from(after)]
}

/** Microseconds, `null` for what took longer than the limit, or the text of an error. */
function limited(peer, before, after) {
  const worker = new Worker(new URL('adversarial-peer.mjs', import.meta.url), { workerData: { peer, before, after } })
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      worker.terminate()
      resolve(null)
    }, LIMIT_SECONDS * 1000)
    const settle = (result) => {
      clearTimeout(timer)
      resolve(result)
    }
    worker.once('message', settle)
    worker.once('error', (error) => settle(String(error.message)))
  })
}
