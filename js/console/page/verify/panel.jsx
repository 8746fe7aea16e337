import { useEffect, useState } from 'preact/hooks'
import { FileButton, useDrop } from '../files.jsx'
import { Icon } from '../icons.jsx'
import { EXAMPLE } from './example.js'
import { kindOf } from './kinds.js'
import { loadProofCheck } from './proof.js'
import { Verdict } from './verdict.jsx'

const FIELDS = {
  line: { label: 'Record', hint: 'Its line, exactly as it stands in the log' },
  proof: { label: 'Proof', hint: 'The .tlog-proof file of the record' },
  vkey: { label: 'Verifier key', hint: 'From somewhere else than the log: who could change the log could change a key beside it' },
}

/** Is this record in the log? Checked while one types, with nothing but what stands here. */
export function VerifyPanel() {
  const [given, setGiven] = useState({ line: '', proof: '', vkey: '' })
  const [check, setCheck] = useState()
  const [trouble, setTrouble] = useState()
  useEffect(() => {
    loadProofCheck().then((inspect) => setCheck(() => inspect), ({ message }) => setTrouble(`Proofs cannot be checked: ${message}`))
  }, [])

  function take(files) {
    const texts = {}
    for (const { name, text, error } of files) {
      const kind = error === undefined && kindOf(text)
      if (!kind) return setTrouble(error ?? `${name} is no record, no proof and no verifier key`)
      texts[kind] = text
    }
    setTrouble(undefined)
    setGiven((given) => ({ ...given, ...texts }))
  }
  const drop = useDrop(take)
  const isComplete = Object.values(given).every((text) => text.trim() !== '')

  return (
    <section aria-labelledby="verify-title" class="panel" {...drop}>
      <div class="lead">
        <h1 id="verify-title">Is this record in the log?</h1>
        <p>
          Paste or drop a record, its proof and the log's verifier key, all at once if you like. Every check is made here, with
          nothing else: no server is asked.
        </p>
        <p class="starts">
          <FileButton label="Open a record, a proof and a key" isMany onFiles={take} />
          <button type="button" class="plain" onClick={() => (setTrouble(undefined), setGiven(EXAMPLE))}><Icon name="arrow" /> Try an example</button>
        </p>
      </div>
      {trouble && <p class="problem" role="alert"><Icon name="error" /> {trouble}</p>}
      <div class="verify">
        <div class="evidence">
          {Object.entries(FIELDS).map(([name, { label, hint }]) => (
            <div class="source" key={name}>
              <label for={name}>{label}</label>
              <p class="quiet" id={`${name}-hint`}>{hint}</p>
              <textarea
                id={name} class={`evidence-${name}`} value={given[name]} aria-describedby={`${name}-hint`}
                spellcheck={false} autocapitalize="off" autocomplete="off"
                onInput={({ target }) => setGiven((given) => ({ ...given, [name]: target.value }))}
              />
            </div>
          ))}
        </div>
        <Verdict given={given} found={check && isComplete ? check(given) : undefined} />
      </div>
    </section>
  )
}
