import { useEffect, useState } from 'preact/hooks'

/** Characters of the record that are shown: a browser takes its time over a page of a megabyte. */
const LONGEST = 60_000

/** The record itself, for who wants to see every letter; it is printed when it is opened. */
export function Record({ core, shown, onFailure }) {
  const [isOpen, setOpen] = useState(false)
  const [record, setRecord] = useState({ text: '' })
  useEffect(() => {
    if (!isOpen) return
    let isGone = false
    core.call('record', { longest: LONGEST }).then((record) => isGone || setRecord(record), onFailure)
    return () => (isGone = true)
  }, [isOpen, shown.summary, shown.counts])
  return (
    <details id="record-details" onToggle={({ target }) => setOpen(target.open)}>
      <summary>The whole record, one line in the log</summary>
      <pre id="record" tabIndex={0}>{record.text}{record.cut && '\n…'}</pre>
    </details>
  )
}
