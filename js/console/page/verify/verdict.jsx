import { Icon } from '../icons.jsx'
import { cosignedBy, lineTrouble, recordOf } from './kinds.js'

const CHECKS = {
  receipt: { name: 'Proof', asks: 'The proof is one, and has a checkpoint in it' },
  key: { name: 'Verifier key', asks: 'The key can be read' },
  origin: { name: 'Origin', asks: 'The checkpoint is of the log that the key belongs to' },
  signature: { name: 'Signature', asks: 'The key\'s owner signed the checkpoint' },
  inclusion: { name: 'Inclusion', asks: 'The record\'s leaf is in the tree that the checkpoint covers' },
  witnesses: { name: 'Witnesses', asks: 'Enough witnesses of the policy cosigned the checkpoint' },
}
const WORDS = { passed: 'passed', failed: 'failed', 'not made': 'not checked' }
const ICONS = { passed: 'passed', failed: 'failed', 'not made': 'skipped' }

/** What each check says, and what all of them say together. */
export function Verdict({ given, found }) {
  return (
    <div class="verdict" role="status" id="verdict">
      {found === undefined ? <Waiting asksForWitnesses={given.witnessPolicy !== undefined} /> : <Found given={given} found={found} />}
    </div>
  )
}

function Waiting({ asksForWitnesses }) {
  const checks = Object.entries(CHECKS).filter(([name]) => name !== 'witnesses' || asksForWitnesses)
  return (
    <>
      <h2>What is checked</h2>
      <ol class="checks">{checks.map(([name, check]) => <Check key={name} {...check} />)}</ol>
    </>
  )
}

function Found({ given, found }) {
  const trouble = found.holds ? undefined : lineTrouble(given.line)
  const said = ({ name, message }) => (name === 'witnesses' && found.witnesses ? `The checkpoint is ${cosignedBy(found.witnesses)}.` : message)
  return (
    <>
      <h2 class={found.holds ? 'passed' : 'failed'}><Icon name={found.holds ? 'passed' : 'failed'} size={22} /> {found.holds ? 'Verified' : 'Not verified'}</h2>
      <p>
        {found.holds
          ? `This is record ${found.index} of ${found.origin}, byte for byte, in a log of ${found.size} records.`
          : 'Do not rely on it: at least one check failed.'}
      </p>
      {trouble && <p class="problem"><Icon name="warning" /> {trouble}</p>}
      <ol class="checks">
        {found.checks.map((check) => <Check key={check.name} {...CHECKS[check.name]} outcome={check.outcome} message={said(check)} />)}
      </ol>
      <h3>Computed from the record's line</h3>
      <dl class="facts">
        <dt>SHA-256</dt><dd><code>{found.entry}</code></dd>
        <dt>Leaf hash</dt><dd><code>{found.leaf}</code></dd>
        {found.root && <><dt>Root in the proof</dt><dd><code>{found.root}</code></dd></>}
        {recordOf(given.line).map(([name, said]) => [<dt key={name}>{name}</dt>, <dd key={`${name}-said`}>{said}</dd>])}
      </dl>
    </>
  )
}

function Check({ name, asks, outcome, message }) {
  return (
    <li class={outcome && `check-${ICONS[outcome]}`}>
      {outcome && <span class="badge"><Icon name={ICONS[outcome]} size={14} /> {WORDS[outcome]}</span>}
      <div><strong>{name}</strong> {asks}{message && <span class="message">{message}</span>}</div>
    </li>
  )
}
