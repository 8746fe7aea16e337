import { at } from './exact-json.js'

/** Finds what a record holds of a field. */
export class Holdings {
  #record
  #changes = new Map()

  constructor(record) {
    this.#record = record
    for (const change of record.data.changes ?? []) {
      for (const side of ['old', 'new']) {
        const key = side + change.path
        if (change[side] !== undefined && !this.#changes.has(key)) this.#changes.set(key, change[side])
      }
    }
  }

  /** `{ value, path }`, or undefined where the record holds nothing of it. */
  find(place) {
    const found = this.#holder(place)
    const value = found && at(found.value, found.rest)
    return value === undefined ? undefined : { value, path: place.path }
  }

  /** The change above the field that is one value, `{ value, path }`: what the field was sealed with. */
  above(place) {
    const found = this.#holder(place)
    return found && found.rest !== '' && typeof found.value === 'string' ? { value: found.value, path: found.path } : undefined
  }

  /** The change that holds the field: its own, or the nearest of an object above it. */
  #holder({ path, side }) {
    if (side !== 'old' && side !== 'new') return { value: this.#record, rest: path, path: '' }
    for (let end = path.length; end >= 0; end = path.lastIndexOf('/', end - 1)) {
      const value = this.#changes.get(side + path.slice(0, end))
      if (value !== undefined) return { value, rest: path.slice(end), path: path.slice(0, end) }
      if (end === 0) break
    }
    return undefined
  }
}
