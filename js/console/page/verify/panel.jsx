import { useEffect, useState } from 'preact/hooks'
import { FileButton, useDrop } from '../files.jsx'
import { Icon } from '../icons.jsx'
import { isBundle, readBundle } from './bundle.js'
import { BundleVerdict } from './bundle-verdict.jsx'
import { EXAMPLE } from './example.js'
import { certificateOf, kindOf } from './kinds.js'
import { loadProofCheck } from './proof.js'
import { Verdict } from './verdict.jsx'

/** A bundle is larger than what the core takes: each of its lines is checked by itself. */
const LARGEST = 128 << 20

const FIELDS = {
  line: { label: 'Record', hint: 'Its line, exactly as it stands in the log' },
  proof: { label: 'Proof', hint: 'The .tlog-proof file of the record' },
  vkey: { label: 'Verifier key', hint: 'From somewhere else than the log: who could change the log could change a key beside it' },
}

/** Is this record in the log? Checked while one types, with nothing but what stands here. */
export function VerifyPanel() {
  const [given, setGiven] = useState({ line: '', proof: '', vkey: '' })
  const [bundle, setBundle] = useState()
  const [check, setCheck] = useState()
  const [trouble, setTrouble] = useState()
  useEffect(() => {
    loadProofCheck().then((inspect) => setCheck(() => inspect), ({ message }) => setTrouble(`Proofs cannot be checked: ${message}`))
  }, [])

  function take(files) {
    const texts = {}
    if (isBundle(files)) {
      try {
        setBundle({ ...readBundle(files.filter(({ text }) => text === undefined || kindOf(text) !== 'vkey')), name: files[0].name.split('/')[0] })
      } catch ({ message }) {
        return setTrouble(`This bundle cannot be read: ${message}`)
      }
      const key = files.find(({ text }) => text !== undefined && kindOf(text) === 'vkey')
      if (key) setGiven((given) => ({ ...given, vkey: key.text }))
      return setTrouble(undefined)
    }
    for (const { name, text, error } of files) {
      const certificate = error === undefined && certificateOf(text)
      if (certificate) {
        Object.assign(texts, certificate)
        continue
      }
      const kind = error === undefined && kindOf(text)
      if (!kind) return setTrouble(error ?? `${name} is no record, no proof and no verifier key`)
      texts[kind] = text
    }
    setTrouble(undefined)
    if (texts.line || texts.proof) setBundle(undefined)
    setGiven((given) => ({ ...given, ...texts }))
  }
  const drop = useDrop(take, LARGEST)
  const isComplete = Object.values(given).every((text) => text.trim() !== '')

  return (
    <section aria-labelledby="verify-title" class="panel" {...drop}>
      <div class="lead">
        <h1 id="verify-title">Is this record in the log?</h1>
        <p>
          Paste or drop a record, its proof and the log's verifier key, all at once if you like; or a certificate of erasure; or an
          auditor's bundle, its folder or its archive. Every check is made here, with nothing else: no server is asked.
        </p>
        <p class="starts">
          <FileButton label="Open a record, a proof and a key" isMany largest={LARGEST} onFiles={take} />
          <FileButton label="Open a folder of a bundle" says="Open a folder" isMany isFolder largest={LARGEST} onFiles={take} />
          <button type="button" class="plain" onClick={() => (setTrouble(undefined), setBundle(undefined), setGiven(EXAMPLE))}><Icon name="arrow" /> Try an example</button>
        </p>
      </div>
      {trouble && <p class="problem" role="alert"><Icon name="error" /> {trouble}</p>}
      <div class="verify">
        <div class="evidence">
          {bundle && (
            <div class="source bundle">
              <p><strong>Bundle</strong> of {bundle.lines.length} lines{bundle.name !== 'manifest.json' && `: ${bundle.name}`}</p>
              <button type="button" class="link" onClick={() => setBundle(undefined)}>Check a single record instead</button>
            </div>
          )}
          {Object.entries(FIELDS).filter(([name]) => !bundle || name === 'vkey').map(([name, { label, hint }]) => (
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
        {bundle
          ? <BundleVerdict bundle={bundle} vkey={given.vkey} inspect={check} />
          : <Verdict given={given} found={check && isComplete ? check(given) : undefined} />}
      </div>
    </section>
  )
}
