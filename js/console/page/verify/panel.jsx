import { useEffect, useState } from 'preact/hooks'
import { FileButton, useDrop } from '../files.jsx'
import { Icon } from '../icons.jsx'
import { folderOf, isBundle, readBundle } from './bundle.js'
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
  witnessPolicy: { label: 'Witness policy', hint: 'Optional: whose cosignatures the checkpoint must have (C2SP tlog-policy)', isOptional: true },
}
const NOTHING = Object.fromEntries(Object.keys(FIELDS).map((name) => [name, '']))

/** What may be dropped beside a bundle. In its folder they would be of whoever made it, and are not taken. */
const BESIDE = ['vkey', 'witnessPolicy']

/** Is this record in the log? Checked while one types, with nothing but what stands here. */
export function VerifyPanel() {
  const [given, setGiven] = useState(NOTHING)
  const [bundle, setBundle] = useState()
  const [check, setCheck] = useState()
  const [trouble, setTrouble] = useState()
  useEffect(() => {
    loadProofCheck().then((inspect) => setCheck(() => inspect), ({ message }) => setTrouble(`Proofs cannot be checked: ${message}`))
  }, [])

  function takeBundle(files) {
    const [folder, parts, texts] = [folderOf(files), [], {}]
    for (const file of files) {
      const isInside = folder !== '' && file.name.startsWith(folder)
      const kind = file.text === undefined || isInside ? undefined : kindOf(file.text)
      if (BESIDE.includes(kind)) texts[kind] = file.text
      else parts.push(file)
    }
    try {
      setBundle({ ...readBundle(parts), name: parts[0].name.split('/')[0] })
    } catch ({ message }) {
      return setTrouble(`This bundle cannot be read: ${message}`)
    }
    setTrouble(undefined)
    setGiven((given) => ({ ...given, ...texts }))
  }

  function take(files) {
    if (isBundle(files)) return takeBundle(files)
    const texts = {}
    for (const { name, text, error } of files) {
      const certificate = error === undefined && certificateOf(text)
      if (certificate) {
        Object.assign(texts, certificate)
        continue
      }
      const kind = error === undefined && kindOf(text)
      if (!kind) return setTrouble(error ?? `${name} is no record, no proof, no verifier key and no witness policy`)
      texts[kind] = text
    }
    setTrouble(undefined)
    if (texts.line || texts.proof) setBundle(undefined)
    setGiven((given) => ({ ...given, ...texts }))
  }
  const drop = useDrop(take, LARGEST)
  const isComplete = Object.entries(FIELDS).every(([name, { isOptional }]) => isOptional || given[name].trim() !== '')
  // An empty field asks for no witness; a policy that says nothing would be one that cannot be read.
  const asked = { ...given, witnessPolicy: given.witnessPolicy.trim() === '' ? undefined : given.witnessPolicy }

  return (
    <section aria-labelledby="verify-title" class="panel" {...drop}>
      <div class="lead">
        <h1 id="verify-title">Is this record in the log?</h1>
        <p>
          Paste or drop a record, its proof and the log's verifier key, all at once if you like; or a certificate of erasure; or an
          auditor's bundle, its folder or its archive. With a witness policy, cosignatures are checked too. Every check is made here,
          with nothing else: no server is asked.
        </p>
        <p class="starts">
          <FileButton label="Open a record, a proof, a key and a witness policy" isMany largest={LARGEST} onFiles={take} />
          <FileButton label="Open a folder of a bundle" says="Open a folder" isMany isFolder largest={LARGEST} onFiles={take} />
          <button type="button" class="plain" onClick={() => (setTrouble(undefined), setBundle(undefined), setGiven({ ...NOTHING, ...EXAMPLE }))}><Icon name="arrow" /> Try an example</button>
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
          {Object.entries(FIELDS).filter(([name]) => !bundle || BESIDE.includes(name)).map(([name, { label, hint }]) => (
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
          ? <BundleVerdict bundle={bundle} vkey={asked.vkey} witnessPolicy={asked.witnessPolicy} inspect={check} />
          : <Verdict given={asked} found={check && isComplete ? check(asked) : undefined} />}
      </div>
    </section>
  )
}
