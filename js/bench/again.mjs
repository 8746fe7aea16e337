// node bench/again.mjs FOLDER STEM ours|ourObjects|bestObjects|reordered SECONDS: one workload again and again under V8's
// profiler (`reordered` has an input of its own); prints the share of the time that each function takes itself, as JSON.
// SEALTRAIL_NAMED_WASM is the package's module with
// the names of its functions; without it they are numbers.
import { readFile } from 'node:fs/promises'
import { Session } from 'node:inspector/promises'
import { basename, join } from 'node:path'
import { Best } from './best.mjs'
import { differ, edge, objectSealer, sealer } from './edge.mjs'
import { inAnotherOrder } from './items.mjs'

const [folder, stem, way, seconds] = process.argv.slice(2)
const named = process.env.SEALTRAIL_NAMED_WASM
const glue = await edge(named && (await WebAssembly.compile(await readFile(named))))
const [policy, change] = await Promise.all(['policy', 'change'].map((part) => readFile(join(folder, `${stem}.${part}.json`))))
const given = JSON.parse(change.toString())
const ways = {
  ours: () => { const seal = sealer(glue, policy); return () => seal(change) },
  ourObjects: () => { const seal = objectSealer(glue, policy); return () => seal(given) },
  reordered: () => { const [diff, [before, after]] = [differ(glue), inAnotherOrder()]; return () => diff(before, after) },
  bestObjects: () => { const best = new Best(policy); return () => best.record(given) },
}
const work = ways[way]()

repeat(0.5)
const session = new Session()
session.connect()
await session.post('Profiler.enable')
await session.post('Profiler.setSamplingInterval', { interval: 200 })
await session.post('Profiler.start')
repeat(Number(seconds))
const { profile } = await session.post('Profiler.stop')
console.log(JSON.stringify(shares(profile)))

function repeat(seconds) {
  const end = performance.now() + 1000 * seconds
  while (performance.now() < end) for (let i = 0; i < 10; i++) work()
}

function shares({ nodes, samples, timeDeltas }) {
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  const times = {}
  let all = 0
  samples.forEach((id, i) => {
    times[names.get(id)] = (times[names.get(id)] ?? 0) + timeDeltas[i]
    all += timeDeltas[i]
  })
  return Object.fromEntries(Object.entries(times).map(([name, time]) => [name, time / all]))
}

function nameOf({ functionName, url, lineNumber }) {
  if (url.startsWith('wasm:')) return `wasm ${functionName}`
  return url === '' ? functionName : `${functionName || 'anonymous'} ${basename(url)}:${lineNumber + 1}`
}
