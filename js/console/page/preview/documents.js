import { useEffect, useState } from 'preact/hooks'
import { Source } from '../editor/source.js'
import { EXAMPLES } from './examples.js'
import { policyOf } from './share.js'

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

  takePolicy(text) {
    this.policy.text = text
    this.notice = 'This policy came with the link. The payload is an example: a link never carries one.'
    this.#tell()
  }

  setMode(mode) {
    this.mode = mode
    this.#tell()
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

export function useDocuments() {
  const [documents] = useState(() => {
    const made = new Documents()
    made.takeExample(Object.keys(EXAMPLES)[0])
    return made
  })
  const [, redraw] = useState(0)
  useEffect(() => documents.onChange(() => redraw((n) => n + 1)), [])
  useEffect(() => {
    const follow = async () => {
      try {
        const policy = await policyOf(location.hash)
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
