import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { newestOnly } from '../core.js'
import { findingOf, problemOf } from './problems.js'

/** Milliseconds after the last key before a preview, and before the policy is checked. */
const SOON = 150
const LATER = 500

/** Rows that are drawn at once: more would hold up the page, and nobody reads more. */
export const ROWS = 25

/** Previews what the documents say, as they change; the last state that was typed is the one that is shown. */
export function usePreview(core, loaded, documents) {
  const [state, setState] = useState({ isBusy: true })
  const [filter, setFilterState] = useState({ action: undefined, text: '' })
  const wanted = useRef(filter)
  const work = useRef()

  useEffect(() => {
    let version = 0
    const preview = newestOnly(async () => {
      const previewed = version
      const [policy, payload] = [documents.policy.text, documents.payload]
      try {
        const shown = await core.call('preview', { policy, payload, rows: { ...wanted.current, count: ROWS } })
        setState((state) => ({ ...state, shown, problem: undefined, isBusy: version !== previewed }))
        mark(documents, undefined)
      } catch (error) {
        const source = documents[error.source] ? error.source : documents.mode === 'change' ? 'change' : 'after'
        const problem = { source, code: error.code, ...problemOf(error, documents[source].text) }
        setState((state) => ({ ...state, problem, isBusy: version !== previewed }))
        mark(documents, problem)
      }
    })
    const lint = newestOnly(async () => {
      const [policy, payload] = [documents.policy.text, documents.payload]
      const lint = await core.call('lint', { policy, payload }).catch(() => undefined)
      const findings = lint?.findings.map((finding) => findingOf(finding, policy))
      setState((state) => ({ ...state, lint: findings && { ...lint, findings } }))
    })
    let soon, later
    const plan = () => {
      version++
      setState((state) => (state.isBusy ? state : { ...state, isBusy: true }))
      clearTimeout(soon)
      clearTimeout(later)
      soon = setTimeout(preview, SOON)
      later = setTimeout(lint, LATER)
    }
    work.current = preview
    // What cannot be loaded is told by the panel above.
    loaded.then(() => preview()).then(() => {
      // For who measures: the moment in which the first preview is drawn.
      requestAnimationFrame(() => performance.mark('first-preview'))
      lint()
    }, () => {})
    const forget = documents.onChange(plan)
    return () => {
      forget()
      clearTimeout(soon)
      clearTimeout(later)
    }
  }, [])

  // Findings and the problem are in one text; both are marked there, in the frame that lists them.
  useLayoutEffect(() => {
    if (state.problem?.source === 'policy') return
    documents.policy.mark(state.lint?.findings.filter(({ from }) => from !== undefined) ?? [])
  }, [state.lint, state.problem])

  async function rows(change, from) {
    const { rows, total } = await core.call('rows', { ...wanted.current, from, count: ROWS })
    setState((state) => ({ ...state, shown: { ...state.shown, total, rows: from ? [...state.shown.rows, ...rows] : rows } }))
  }
  function setFilter(change) {
    wanted.current = { ...wanted.current, ...change }
    setFilterState(wanted.current)
    rows(wanted.current, 0)
  }
  return { ...state, filter, setFilter, showMore: () => rows(wanted.current, state.shown.rows.length) }
}

/** The problem stands in one text, and no other. */
function mark(documents, problem) {
  for (const name of ['change', 'before', 'after', 'policy']) {
    const isHere = problem?.source === name && problem.from !== undefined
    if (name === 'policy' && !isHere) continue
    documents[name].mark(isHere ? [{ ...problem, severity: 'error' }] : [])
  }
}
