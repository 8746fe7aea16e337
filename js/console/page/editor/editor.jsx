import { useEffect, useRef } from 'preact/hooks'
import { TextArea } from './text-area.js'

/** Loaded once, and never before the first preview is on its way: it is the larger part of the page's script. */
let loading
export function loadCodeEditor() {
  loading ??= import('./code-editor.js')
  return loading
}

/** A field for a source: a text area until the editor of code is there, and for good where that cannot be loaded. */
export function Editor({ id, source, label, isReady, isInvalid, describedBy }) {
  const area = useRef()
  const host = useRef()

  useEffect(() => {
    const plain = new TextArea(area.current, () => source.changed())
    source.attach(plain)
    return () => source.detach(plain)
  }, [source])

  useEffect(() => {
    if (!isReady) return
    let editor
    let isGone = false
    loadCodeEditor().then(
      ({ CodeEditor }) => {
        if (isGone) return
        host.current.hidden = false
        editor = new CodeEditor(host.current, { label, onInput: () => source.changed() })
        source.attach(editor)
        area.current.hidden = true
      },
      () => {},
    )
    return () => {
      isGone = true
      if (!editor) return
      source.detach(editor)
      editor.destroy()
    }
  }, [source, isReady])

  return (
    <div class="editor" id={id} data-invalid={isInvalid ? '' : undefined}>
      <textarea
        ref={area} aria-label={label} aria-invalid={isInvalid ? 'true' : undefined} aria-describedby={describedBy}
        spellcheck={false} autocapitalize="off" autocomplete="off"
      />
      <div ref={host} class="code" hidden />
    </div>
  )
}
