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
const results = {}
for (const { stem, quick } of JSON.parse(await readFile(join(folder, 'workloads.json'), 'utf8'))) {
  const [policy, change, before, after] = await Promise.all(
    ['policy', 'change', 'before', 'after'].map((part) => readFile(join(folder, `${stem}.${part}.json`))),
  )
  const [ours, ourObjects, diff] = [sealer(glue, policy), objectSealer(glue, policy), differ(glue)]
  const [best, today] = [new Best(policy), new Today(policy)]
  const [given, bytes] = [JSON.parse(change.toString()), (record) => Buffer.from(record).toString()]

  const record = bytes(ours(change))
  for (const [name, other] of Object.entries({ objects: ourObjects(given), best: best.run(change), today: today.run(change) })) {
    assert.equal(bytes(other), record, `${stem}: ${name} gives another record`)
  }

  const seconds = quick ? 0.15 : 0.4
  results[stem] = {
    bytes: record.length,
    ...measure(
      {
        ours: () => ours(change),
        best: () => best.run(change),
        today: () => today.run(change),
        parse: () => JSON.parse(change.toString()),
        ourObjects: () => ourObjects(given),
        bestObjects: () => best.record(given),
      },
      seconds,
    ),
  }
  const others = Object.entries(peers).map(([name, compare]) => [
    name,
    () => compare(JSON.parse(before.toString()), JSON.parse(after.toString())),
  ])
  Object.assign(results[stem], measure({ diff: () => diff(before, after), ...Object.fromEntries(others) }, seconds / 2))
}
console.log(JSON.stringify(results))
