import { useEffect, useRef, useState } from 'preact/hooks'
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
    // What is marked in the texts.
    let problem, findings
    const preview = newestOnly(async () => {
      const previewed = version
      const [policy, payload] = [documents.policy.text, documents.payload]
      try {
        const shown = await core.call('preview', { policy, payload, rows: { ...wanted.current, count: ROWS } })
        problem = undefined
        await mark(documents, problem, findings)
        setState((state) => ({ ...state, shown, problem, failure: undefined, isBusy: version !== previewed }))
      } catch (error) {
        // Without a source no text is to blame: the worker ended, for example.
        const told = { source: error.source, code: error.code, ...problemOf(error, documents[error.source]?.text) }
        const failure = told.source === undefined ? error.message : undefined
        problem = told
        await mark(documents, problem, findings)
        setState((state) => ({ ...state, problem: told, failure, isBusy: version !== previewed }))
      }
    })
    const lint = newestOnly(async () => {
      const [policy, payload] = [documents.policy.text, documents.payload]
      const lint = await core.call('lint', { policy, payload }).catch((error) => {
        // What is wrong with the policy is told by the preview.
        if (error.code === 'worker_ended') fail(error)
      })
      findings = lint?.findings.map((finding) => findingOf(finding, policy))
      await mark(documents, problem, findings)
      const told = findings && { ...lint, findings }
      setState((state) => ({ ...state, lint: told }))
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

  function fail({ message }) {
    setState((state) => ({ ...state, failure: message }))
  }
  /** Of what is asked about the last preview, which a worker that was started since has not. */
  function failAbout(error) {
    if (error.code === 'nothing_previewed') work.current()
    else fail(error)
  }
  async function rows(from) {
    try {
      const part = await core.call('rows', { ...wanted.current, from, count: ROWS })
      setState((state) => withRows(state, from, part))
    } catch (error) {
      failAbout(error)
    }
  }
  function setFilter(change) {
    wanted.current = { ...wanted.current, ...change }
    setFilterState(wanted.current)
    rows(0)
  }
  return { ...state, filter, setFilter, showMore: () => rows(state.shown.rows.length), failAbout }
}

/** Rows that are asked for stand behind those that are shown, or in their place. */
function withRows(state, from, { rows, total }) {
  const { shown } = state
  // Since they were asked for there came another preview, or the same rows: here they would leave some out, or be there twice.
  if (from !== 0 && from !== shown.rows.length) return state
  return { ...state, failure: undefined, shown: { ...shown, total, rows: [...shown.rows.slice(0, from), ...rows] } }
}

/**
 * The problem stands in one text, and no other; findings stand in the policy, unless that has a problem. An editor that marks something
 * measures itself in the next frame, for which all that has changed is laid out: so what tells of it is drawn behind that.
 */
async function mark(documents, problem, findings = []) {
  const areMarked = ['change', 'before', 'after', 'policy'].map((name) => {
    const isHere = problem?.source === name
    const marks = isHere ? [{ ...problem, severity: 'error' }] : name === 'policy' ? findings : []
    return documents[name].mark(marks.filter(({ from }) => from !== undefined))
  })
  if (areMarked.includes(true)) await nextFrame()
}

/** Nothing that is not seen has frames. */
function nextFrame() {
  return new Promise((resolve) => {
    requestAnimationFrame(resolve)
    if (document.hidden) resolve()
  })
}
