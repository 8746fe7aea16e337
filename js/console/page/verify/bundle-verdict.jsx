import { useEffect, useState } from 'preact/hooks'
import { Icon } from '../icons.jsx'
import { checkBundle } from './bundle.js'
import { cosignedBy } from './kinds.js'

/** So many of the lines that fail are named. */
const SHOWN = 20

/** What of a bundle holds, counted while it is checked. */
export function BundleVerdict({ bundle, vkey, witnessPolicy, inspect }) {
  const [last, setLast] = useState()
  const isAsked = inspect !== undefined && vkey.trim() !== ''
  // Effects run after the page was drawn, so what was found of another bundle may still stand here.
  const isOfThese = last?.bundle === bundle && last.vkey === vkey && last.witnessPolicy === witnessPolicy
  const result = isOfThese ? last : undefined
  useEffect(() => {
    setLast(undefined)
    if (!isAsked) return undefined
    let isStale = false
    const show = (found) => isStale || setLast({ ...found, bundle, vkey, witnessPolicy })
    checkBundle(bundle, { vkey, witnessPolicy }, inspect, show, () => isStale).then((whole) => whole && show({ ...whole, isWhole: true }))
    return () => { isStale = true }
  }, [bundle, vkey, witnessPolicy, inspect])
  return (
    <div class="verdict" role="status" id="verdict">
      {result?.isWhole ? <Whole {...result} /> : <Under bundle={bundle} isAsked={isAsked} checked={result?.checked ?? 0} />}
    </div>
  )
}

const counted = (count, what) => `${count} ${what}${count === 1 ? '' : 's'}`

function Under({ bundle, isAsked, checked }) {
  return (
    <>
      <h2>{isAsked ? 'Checking' : 'What is checked'}</h2>
      <p>
        {isAsked
          ? `${checked} of ${bundle.lines.length} checked.`
          : 'Each line of the bundle with its proof, and that all proofs are under the one checkpoint of the bundle. The verifier key is not in it.'}
      </p>
    </>
  )
}

function Whole({ bundle, failed, witnessed }) {
  const { lines, records, erasures, origin, size, root } = bundle
  const isProven = failed.length === 0 && lines.length > 0
  const holds = isProven && (witnessed === undefined || witnessed.outcome === 'passed')
  const lacksWitnesses = witnessed?.outcome === 'failed'
  return (
    <>
      <h2 class={holds ? 'passed' : 'failed'}><Icon name={holds ? 'passed' : 'failed'} size={22} /> {holds ? 'Verified' : 'Not verified'}</h2>
      <p>
        {holds && `All ${counted(lines.length, 'line')} are in the log of ${origin}, byte for byte: ${counted(records, 'record')} and ${counted(erasures, 'record')} of erasures.`}
        {holds && witnessed && ` The checkpoint is ${cosignedBy(witnessed.witnesses)}.`}
        {lines.length === 0 && 'The bundle has no records, so nothing is proven.'}
        {failed.length > 0 && `Do not rely on it: ${failed.length} of ${counted(lines.length, 'line')} failed.`}
        {isProven && !holds && 'Do not rely on it: every line is under the checkpoint, but the check of its witnesses failed.'}
      </p>
      {(failed.length > 0 || lacksWitnesses) && (
        <ol class="checks">
          {lacksWitnesses && <Failure of="Witnesses" message={witnessed.message} />}
          {failed.slice(0, SHOWN).map(({ index, message }) => <Failure key={index} of={`Record ${index}`} message={message} />)}
        </ol>
      )}
      {failed.length > SHOWN && <p class="quiet">and {failed.length - SHOWN} more</p>}
      <h3>What the bundle says of the log</h3>
      <dl class="facts">
        <dt>Origin</dt><dd>{origin}</dd>
        <dt>Size</dt><dd>{counted(size, 'record')}</dd>
        <dt>Root</dt><dd><code>{root}</code></dd>
      </dl>
    </>
  )
}

function Failure({ of, message }) {
  return (
    <li class="check-failed">
      <span class="badge"><Icon name="failed" size={14} /> failed</span>
      <div><strong>{of}</strong><span class="message">{message}</span></div>
    </li>
  )
}
