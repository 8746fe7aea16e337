/** A plain text area as the field of a source. */
export class TextArea {
  #area

  constructor(area, onInput) {
    this.#area = area
    area.addEventListener('input', onInput)
  }

  get text() {
    return this.#area.value
  }

  setText(text) {
    this.#area.value = text
  }

  get hasFocus() {
    return document.activeElement === this.#area
  }

  get selection() {
    return { from: this.#area.selectionStart, to: this.#area.selectionEnd }
  }

  select(from, to) {
    this.#area.focus()
    this.#area.setSelectionRange(from, to)
    const line = this.#area.value.slice(0, from).split('\n').length
    this.#area.scrollTop = (line - 4) * parseFloat(getComputedStyle(this.#area).lineHeight)
  }

  /** A text area has nothing to mark with; findings are listed below it too. */
  mark() {}
}
