import { useState } from 'preact/hooks'
import { Icon } from '../icons.jsx'

const NAMES = { error: ['error', 'errors'], warning: ['warning', 'warnings'], note: ['note', 'notes'] }
/** What is listed until somebody wants more: a longer list pushes the record out of sight. */
const FIRST = 8

/** What the policy says in vain, and what it keeps that looks personal; each leads to its rule. */
export function Findings({ lint: { findings, isSampled }, policy }) {
  const [showsAll, setShowsAll] = useState(false)
  if (findings.length === 0) return <p class="findings quiet"><Icon name="passed" /> No findings, checked {isSampled ? 'with this payload' : 'without the payload, which has an error'}.</p>
  const counts = Object.keys(NAMES).flatMap((severity) => {
    const { length } = findings.filter((finding) => finding.severity === severity)
    return length ? [`${length} ${NAMES[severity][length === 1 ? 0 : 1]}`] : []
  })
  const isSerious = findings.some(({ severity }) => severity !== 'note')
  return (
    <details class="findings" open={isSerious}>
      <summary>Findings: {counts.join(', ')}</summary>
      <ul>
        {findings.slice(0, showsAll ? undefined : FIRST).map((finding, number) => <Finding key={number} finding={finding} policy={policy} />)}
      </ul>
      {findings.length > FIRST && (
        <p class="show-all"><button type="button" class="link" onClick={() => setShowsAll(!showsAll)}>{showsAll ? 'Show the first only' : `Show all ${findings.length}`}</button></p>
      )}
    </details>
  )
}

function Finding({ finding: { severity, message, line, from, to, path }, policy }) {
  return (
    <li class={`finding finding-${severity}`}>
      <Icon name={severity} />
      <div>
        <strong>{NAMES[severity][0]}</strong> {path && !message.includes(path) && <><code>{path}</code> </>}{message}{' '}
        {from !== undefined && <button type="button" class="link" onClick={() => policy.select(from, to)}>Go to line {line}</button>}
      </div>
    </li>
  )
}
