import { history, historyKeymap } from '@codemirror/commands'
import { Compartment, EditorSelection, EditorState, Text } from '@codemirror/state'
import { EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from '@codemirror/view'
import { jsonHighlighting } from './json-highlighting.js'
import { keys } from './keys.js'
import { setMarks, markField } from './marks.js'
import { theme } from './theme.js'

/**
 * CodeMirror as the field of a source. It lives in a shadow root, where its styles are constructed sheets, because the
 * page's Content-Security-Policy takes no style elements. Tab leaves it, as it leaves every other field.
 */
export class CodeEditor {
  #view
  #validity = new Compartment()
  #isSetting = false
  #put = {}

  constructor(host, { label, readOnly = false, onInput }) {
    const root = host.shadowRoot ?? host.attachShadow({ mode: 'open' })
    root.replaceChildren()
    this.#view = new EditorView({
      root,
      parent: root,
      extensions: [
        lineNumbers(),
        history(),
        highlightActiveLine(),
        highlightActiveLineGutter(),
        keymap.of([...keys, ...historyKeymap]),
        jsonHighlighting,
        markField,
        theme,
        EditorState.tabSize.of(2),
        EditorState.readOnly.of(readOnly),
        EditorView.contentAttributes.of({ 'aria-label': label, tabindex: '0', spellcheck: 'false', autocapitalize: 'off', autocorrect: 'off' }),
        EditorView.updateListener.of((update) => update.docChanged && !this.#isSetting && onInput()),
        this.#validity.of([]),
      ],
    })
  }

  /** Put together once for each state of the document: a large one takes its time. */
  get text() {
    const { doc } = this.#view.state
    if (doc !== this.#put.doc) this.#put = { doc, text: doc.toString() }
    return this.#put.text
  }

  setText(text) {
    const { doc } = this.#view.state
    // Without an expression it is split several times faster.
    const insert = text.includes('\r') ? text : Text.of(text.split('\n'))
    // Before the text is another one: behind it this would have it laid out at once.
    this.#view.scrollDOM.scrollTo(0, 0)
    this.#isSetting = true
    this.#view.dispatch({ changes: { from: 0, to: doc.length, insert }, selection: EditorSelection.cursor(0) })
    this.#isSetting = false
    // Where its lines end as the editor ends them, it comes out as it went in.
    if (typeof insert !== 'string') this.#put = { doc: this.#view.state.doc, text }
  }

  get hasFocus() {
    return this.#view.hasFocus
  }

  get selection() {
    return this.#view.state.selection.main
  }

  select(from, to) {
    const { length } = this.#view.state.doc
    const selection = EditorSelection.range(Math.min(from, length), Math.min(to, length))
    this.#view.dispatch({ selection, effects: EditorView.scrollIntoView(selection, { y: 'center' }) })
    this.#view.focus()
  }

  mark(marks) {
    const isWrong = marks.some(({ severity }) => severity === 'error')
    const invalid = EditorView.contentAttributes.of(isWrong ? { 'aria-invalid': 'true' } : {})
    this.#view.dispatch({ effects: [setMarks.of(marks), this.#validity.reconfigure(invalid)] })
  }

  destroy() {
    this.#view.destroy()
  }
}
