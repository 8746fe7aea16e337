// node bench/pipeline.mjs FOLDER: sealed records and differences, ours and in JavaScript, for every workload that
// workloads.json of a folder names; prints figures as JSON. All must give the same record before one is timed.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Best } from './best.mjs'
import { differ, edge, objectSealer, sealer } from './edge.mjs'
import { measure } from './measure.mjs'
import { peers } from './peers.mjs'
import { Today } from './today.mjs'

const folder = process.argv[2]
const glue = await edge()
const stems = JSON.parse(await readFile(join(folder, 'workloads.json'), 'utf8')).map(({ stem }) => stem)
// What is called first pays for all: the engine compiles the wasm and the scripts anew while they run.
for (const stem of stems.slice(0, 3)) await run(stem, 0.05)
const results = {}
for (const stem of stems) results[stem] = await run(stem, 0.4)
console.log(JSON.stringify(results))

async function run(stem, seconds) {
  const [policy, change, before, after] = await Promise.all(
    ['policy', 'change', 'before', 'after'].map((part) => readFile(join(folder, `${stem}.${part}.json`))),
  )
  const [ours, ourObjects, diff] = [sealer(glue, policy), objectSealer(glue, policy), differ(glue)]
  const [best, today] = [new Best(policy), new Today(policy)]
  const [given, text] = [JSON.parse(change.toString()), (record) => Buffer.from(record).toString()]

  const record = text(ours(change))
  for (const [name, other] of Object.entries({ objects: ourObjects(given), best: best.run(change), today: today.run(change) })) {
    assert.equal(text(other), record, `${stem}: ${name} gives another record`)
  }
  const records = {
    ours: () => ours(change),
    best: () => best.run(change),
    today: () => today.run(change),
    parse: () => JSON.parse(change.toString()),
    ourObjects: () => ourObjects(given),
    bestObjects: () => best.record(given),
  }
  const differences = { diff: () => diff(before, after) }
  for (const [name, compare] of Object.entries(peers)) {
    differences[name] = () => compare(JSON.parse(before.toString()), JSON.parse(after.toString()))
  }
  return { ...measure(records, seconds), ...measure(differences, seconds / 2) }
}
