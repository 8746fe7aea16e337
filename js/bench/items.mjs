// Two images with many small items, from which inputs are made that are slow to compare.
export const COUNT = 20_000

export function items() {
  return Array.from({ length: COUNT }, (_, id) => ({ id, value: `v${mix(id)}` }))
}

/** The texts of two images. */
export function images(before, after) {
  return [before, after].map((items) => Buffer.from(JSON.stringify({ items })))
}

export function inAnotherOrder() {
  return images(items(), items().sort((a, b) => mix(a.id) - mix(b.id)))
}

/** An order that looks like none and is the same everywhere. */
export function mix(i) {
  return Math.imul(i + 1, 0x9e3779b1) >>> 0
}
