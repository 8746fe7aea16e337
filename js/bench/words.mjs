// node bench/words.mjs: times the words that differ within a long text, ours and diff-match-patch's, and prints
// microseconds as JSON. A text of 10 kB with five edits, from a seed; both from two strings to an array of runs.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { loadEngine } from 'sealtrail'

const DiffMatchPatch = createRequire(import.meta.url)('diff-match-patch')
const engine = await loadEngine()

const [before, after] = texts(10_000, 5)
const dmp = new DiffMatchPatch()
dmp.Diff_Timeout = 0 // no deadline: the whole of the work
const work = {
  ours: () => engine.textDifference(before, after).runs,
  dmp: () => dmp.diff_main(before, after),
}

const signs = { 0: '=', '-1': '-', 1: '+' }
for (const [name, found] of [['ours', work.ours()], ['dmp', work.dmp().map(([sign, text]) => [signs[sign], text])]]) {
  const without = (sign) => found.filter((run) => run[0] !== sign).map((run) => run[1]).join('')
  assert.deepEqual([without('+'), without('-')], [before, after], `${name} must give both texts back`)
}

const rounds = 100
const times = { ours: [], dmp: [] }
for (let i = 0; i < 41; i++) {
  for (const name of Object.keys(work)) times[name].push(time(work[name], rounds))
}
const median = (of) => of.sort((a, b) => a - b)[20]
const [ours, theirs] = [median(times.ours), median(times.dmp)]
console.log(JSON.stringify({ bytes: before.length, ours, dmp: theirs, ratio: theirs / ours }))

/** Words of two to ten letters, and the same with some of them replaced, in even distances. */
function texts(length, edits) {
  let seed = 1
  const below = (n) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return Math.floor((seed / 2 ** 32) * n)
  }
  const word = () => Array.from({ length: 2 + below(9) }, () => String.fromCharCode(97 + below(26))).join('')
  const dictionary = Array.from({ length: 800 }, word)
  const words = []
  for (let size = 0; size < length; size += words.at(-1).length + 1) words.push(dictionary[below(800)] + (below(10) === 0 ? '.' : ''))
  const edited = [...words]
  for (let i = 0; i < edits; i++) edited[Math.floor(((i + 0.5) * words.length) / edits)] = word()
  return [words.join(' '), edited.join(' ')]
}

function time(run, rounds) {
  const start = performance.now()
  for (let i = 0; i < rounds; i++) run()
  return ((performance.now() - start) * 1000) / rounds
}
