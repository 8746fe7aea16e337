/**
 * A text that somebody edits. It is first in a plain text area and then, when that is loaded, in an editor of code; what
 * is known of the text goes from one to the other.
 *
 * A field is `{ text, setText(text), select(from, to), hasFocus, selection, mark(marks) }`.
 */
export class Source {
  #field
  #text
  #marks = []
  /** Whether the text has changed since, and the marks with it. */
  #areMoved = false
  #listeners = new Set()

  constructor(text = '') {
    this.#text = text
  }

  /** The field that shows the text from now on. */
  attach(field) {
    const { hasFocus, selection } = this.#field ?? {}
    if (this.#field) this.#text = this.#field.text
    this.#field = field
    if (field.text !== this.#text) field.setText(this.#text)
    field.mark(this.#marks)
    if (hasFocus) field.select(selection.from, selection.to)
  }

  /** A field that goes away leaves its text. */
  detach(field) {
    if (this.#field !== field) return
    this.#text = field.text
    this.#field = undefined
  }

  get text() {
    return this.#field ? this.#field.text : this.#text
  }

  set text(text) {
    this.#text = text
    this.#field?.setText(text)
    this.changed()
  }

  /** Marks what findings are about: `{ from, to, severity, message }`; false where they are marked already. */
  mark(marks) {
    // An editor then measures itself, and has all laid out that is about to be drawn: not for what stands there already.
    const areThere = marks.length === this.#marks.length && marks.every((mark, at) => isSame(mark, this.#marks[at]))
    if (areThere && (marks.length === 0 || !this.#areMoved)) return false
    this.#marks = marks
    this.#areMoved = false
    this.#field?.mark(marks)
    return true
  }

  /** Selects a part, scrolls to it and gives it the focus. */
  select(from, to) {
    this.#field?.select(from, to)
  }

  changed() {
    this.#areMoved = true
    for (const listener of this.#listeners) listener()
  }

  onChange(listener) {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

function isSame(mark, other) {
  return ['from', 'to', 'severity', 'message'].every((name) => mark[name] === other[name])
}
