import { Icon } from '../icons.jsx'

const NAMES = { error: ['error', 'errors'], warning: ['warning', 'warnings'], note: ['note', 'notes'] }
const MOST = 40

/** What the policy says in vain, and what it keeps that looks personal; each leads to its rule. */
export function Findings({ lint: { findings, isSampled }, policy }) {
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
        {findings.slice(0, MOST).map((finding, number) => <Finding key={number} finding={finding} policy={policy} />)}
      </ul>
      {findings.length > MOST && <p class="quiet">And {findings.length - MOST} more.</p>}
    </details>
  )
}

function Finding({ finding: { severity, message, line, from, to, path }, policy }) {
  return (
    <li class={`finding finding-${severity}`}>
      <Icon name={severity} />
      <div>
        <strong>{NAMES[severity][0]}</strong> {message}{path && !message.includes(path) && <> <code>{path}</code></>}{' '}
        {from !== undefined && <button type="button" class="link" onClick={() => policy.select(from, to)}>Go to line {line}</button>}
      </div>
    </li>
  )
}
