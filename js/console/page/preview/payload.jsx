import { useState } from 'preact/hooks'
import { Editor } from '../editor/editor.jsx'
import { Icon } from '../icons.jsx'
import { FileButton, useDrop } from '../files.jsx'
import { Problem } from './problem.jsx'

const ACTIONS = ['create', 'update', 'delete']

/** What comes in: a change as a service sends it, or the entity before and after. */
export function Payload({ documents, problem, isReady }) {
  const [message, setMessage] = useState()
  const take = (files) => setMessage(taken(documents, files))
  const drop = useDrop(take)
  const { mode } = documents
  return (
    <div class="source" {...drop}>
      <div class="source-head">
        <h2>Payload</h2>
        <Modes mode={mode} onMode={(mode) => documents.setMode(mode)} />
        <FileButton label="Open a payload, or a before and an after" isMany onFiles={take} />
      </div>
      {mode === 'change'
        ? <Change documents={documents} problem={problem} isReady={isReady} />
        : <Images documents={documents} problem={problem} isReady={isReady} />}
      {message && <p class="problem" role="status"><Icon name="error" /> {message}</p>}
    </div>
  )
}

function Modes({ mode, onMode }) {
  const modes = [{ name: 'change', label: 'Change' }, { name: 'images', label: 'Before and after' }]
  return (
    <div class="modes" role="group" aria-label="How the payload is given">
      {modes.map(({ name, label }) => (
        <button key={name} type="button" aria-pressed={mode === name} onClick={() => onMode(name)}>{label}</button>
      ))}
    </div>
  )
}

function Change({ documents, problem, isReady }) {
  function takeAsImage() {
    documents.after.text = documents.change.text
    documents.setMode('images')
  }
  return (
    <>
      <One key="change" id="change" source={documents.change} label="Change" problem={problem} isReady={isReady} />
      {problem?.code === 'not_a_change' && (
        <p class="quiet">
          Is it the entity itself? <button type="button" class="link" onClick={takeAsImage}>Take it as the image after the change</button>
        </p>
      )}
    </>
  )
}

function One({ id, source, label, problem, isReady }) {
  const mine = problem?.source === id ? problem : undefined
  return (
    <>
      <Editor id={id} source={source} label={label} isReady={isReady} isInvalid={mine !== undefined} describedBy={`${id}-note`} />
      <div id={`${id}-note`} class="note" role="status">{mine && <Problem problem={mine} source={source} />}</div>
    </>
  )
}

function Images({ documents, problem, isReady }) {
  const { entity } = documents
  const mine = problem?.source === 'entity' ? problem : undefined
  const wrong = /^`\/(?:entity\/)?(\w+)/.exec(mine?.message)?.[1]
  const said = (name) => ({ 'aria-invalid': wrong === name ? 'true' : undefined, 'aria-describedby': 'entity-note' })
  const part = (name) => ({ value: entity[name], onInput: ({ target }) => documents.setEntity({ [name]: target.value }), ...said(name) })
  return (
    <>
      <div class="entity">
        <label>Entity type <input type="text" {...part('type')} /></label>
        <label>Id <input type="text" {...part('id')} /></label>
        <label>
          Action <select {...said('action')} value={entity.action} onChange={({ target }) => documents.setEntity({ action: target.value })}>
            {ACTIONS.map((name) => <option key={name} value={name}>{name}</option>)}
          </select>
        </label>
      </div>
      <div id="entity-note" class="note" role="status">{mine && <Problem problem={mine} />}</div>
      <div class="images">
        {['before', 'after'].map((name) => (
          <div key={name}>
            <h3>{name === 'before' ? 'Before' : 'After'}</h3>
            <One id={name} source={documents[name]} label={`The entity ${name} the change`} problem={problem} isReady={isReady} />
          </div>
        ))}
      </div>
      <p class="quiet">An empty side means that nobody knows it; of a create or delete, that there is no such entity.</p>
    </>
  )
}

/** Puts dropped or opened files where they belong; says what is wrong with them. */
function taken(documents, files) {
  const wrong = files.find(({ error }) => error)
  if (wrong) return wrong.error
  if (files.length > 2) return `${files.length} files are too many: drop one change, or a before and an after.`
  if (files.length === 1 && documents.mode === 'change') {
    documents.change.text = files[0].text
    return undefined
  }
  const after = files.length === 1 ? 0 : files.findIndex(({ name }) => /after|new/i.test(name))
  const [second, first] = after === 0 ? files : [...files].reverse()
  if (first) documents.before.text = first.text
  const isBefore = files.length === 1 && /before|old/i.test(files[0].name)
  documents[isBefore ? 'before' : 'after'].text = second.text
  documents.setMode('images')
  return undefined
}
