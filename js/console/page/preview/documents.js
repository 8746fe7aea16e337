import { useEffect, useState } from 'preact/hooks'
import { Source } from '../editor/source.js'
import { placeOf } from '../json-place.js'
import { EXAMPLES } from './examples.js'
import { isPolicyLink, policyOf } from './share.js'

/** The texts that are edited, and what is said about the payload besides: how it is given, and of which entity it is. */
class Documents {
  policy = new Source()
  change = new Source()
  before = new Source()
  after = new Source()
  entity = { type: 'customer', id: '3', action: 'update' }
  mode = 'change'
  notice = undefined
  #listeners = new Set()

  constructor() {
    for (const source of [this.policy, this.change, this.before, this.after]) source.onChange(() => this.#tell())
  }

  takeExample(name) {
    const { policy, change } = EXAMPLES[name]
    this.notice = undefined
    this.mode = 'change'
    this.policy.text = policy
    this.change.text = change
  }

  openPolicy(text) {
    this.notice = undefined
    this.policy.text = text
  }

  takePolicy(text) {
    this.policy.text = text
    this.notice = 'This policy came with the link. The payload is an example: a link never carries one.'
    this.#tell()
  }

  setMode(mode) {
    this.mode = mode
    if (mode === 'images' && [this.before, this.after].every(({ text }) => text.trim() === '')) this.#splitChange()
    this.#tell()
  }

  /** The change that stands there as its two images, as they are written: two empty fields say nothing to anybody. */
  #splitChange() {
    const { text } = this.change
    if (!isJson(text)) return
    const part = (pointer) => {
      const { from, to } = placeOf(text, pointer) ?? {}
      return from === undefined ? undefined : text.slice(from, to)
    }
    const said = (pointer) => part(pointer)?.match(/^"([^"\\]*)"$/)?.[1]
    const [before, after] = ['/before', '/after'].map((pointer) => outdented(part(pointer)))
    const { type, id, action } = this.entity
    this.entity = { type: said('/entity/type') ?? type, id: said('/entity/id') ?? id, action: /^(create|update|delete)$/.exec(said('/action'))?.[0] ?? action }
    if (before !== '') this.before.text = before
    if (after !== '') this.after.text = after
  }

  setEntity(part) {
    this.entity = { ...this.entity, ...part }
    this.#tell()
  }

  setNotice(notice) {
    this.notice = notice
    this.#tell()
  }

  /** As the worker takes it. */
  get payload() {
    if (this.mode === 'change') return { mode: 'change', change: this.change.text }
    return { mode: 'images', ...this.entity, before: this.before.text, after: this.after.text }
  }

  onChange(listener) {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #tell() {
    for (const listener of this.#listeners) listener()
  }
}

function isJson(text) {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** An image as a document of its own: its last line begins where the change had it. What is null is not there. */
function outdented(image) {
  if (image === undefined || image === 'null') return ''
  const indent = /\n([ \t]+)[}\]]$/.exec(image)?.[1]
  return indent === undefined ? image : image.replaceAll(`\n${indent}`, '\n')
}

export function useDocuments() {
  const [documents] = useState(() => {
    const made = new Documents()
    made.takeExample(Object.keys(EXAMPLES)[0])
    return made
  })
  const [, redraw] = useState(0)
  useEffect(() => documents.onChange(() => redraw((n) => n + 1)), [])
  useEffect(() => {
    let followed
    const follow = async () => {
      const { hash } = location
      if (!isPolicyLink(hash) || hash === followed) return
      // Who comes back to it from another panel has edited the policy since.
      followed = hash
      try {
        const policy = await policyOf(hash)
        if (policy !== undefined) documents.takePolicy(policy)
      } catch ({ message }) {
        documents.setNotice(`Not taken: ${message}.`)
      }
    }
    follow()
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  return documents
}
