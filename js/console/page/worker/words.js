/** Texts that are compared, in UTF-16 units; and how much of an equal run is shown on each side of a difference. */
const SHORTEST = 12
const LONGEST = 200_000
const AROUND = 60

/**
 * The two texts in runs of words, `{ kind, text }`: `same`, `removed`, `added`, or `left-out` with the number of characters
 * of a long equal run. Undefined where there is nothing to see in them: short ones, or nothing in common.
 */
export function wordRuns(guest, before, after) {
  if (Math.min(before.length, after.length) < SHORTEST || Math.max(before.length, after.length) > LONGEST) return undefined
  if (!/\s/.test(before) || before === after) return undefined
  const { runs } = JSON.parse(guest.call('text_difference', '{"unit":"word"}', before, after))
  if (!runs.some(([kind]) => kind === '=')) return undefined
  const [left, right] = [[], []]
  let [i, j] = [0, 0]
  runs.forEach(([kind, length], number) => {
    const ends = { isFirst: number === 0, isLast: number === runs.length - 1 }
    if (kind !== '+') left.push(...shown(kind === '=' ? 'same' : 'removed', before.slice(i, (i += length)), ends))
    if (kind !== '-') right.push(...shown(kind === '=' ? 'same' : 'added', after.slice(j, (j += length)), ends))
  })
  return { before: left, after: right }
}

function shown(kind, text, { isFirst, isLast }) {
  const [head, tail] = [isFirst ? 0 : AROUND, isLast ? 0 : AROUND]
  if (kind !== 'same' || text.length <= head + tail + AROUND) return [{ kind, text }]
  // No cut within a character of two units.
  const leftOut = text.length - head - tail
  const runs = [
    { kind, text: text.slice(0, head).replace(/[\uD800-\uDBFF]$/, '') },
    { kind: 'left-out', text: `${leftOut} characters` },
    { kind, text: tail ? text.slice(-tail).replace(/^[\uDC00-\uDFFF]/, '') : '' },
  ]
  return runs.filter(({ text }) => text !== '')
}
