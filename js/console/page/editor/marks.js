import { StateEffect, StateField } from '@codemirror/state'
import { Decoration, EditorView } from '@codemirror/view'

/** Replaces all marks: `{ from, to, severity, message }`. */
export const setMarks = StateEffect.define()

/** The parts of a text that a finding is about; they move with the text until the next findings come. */
export const markField = StateField.define({
  create: () => Decoration.none,
  update(marks, transaction) {
    const { length } = transaction.newDoc
    for (const effect of transaction.effects) {
      if (effect.is(setMarks)) return Decoration.set(effect.value.flatMap((mark) => within(mark, length)), true)
    }
    return marks.map(transaction.changes)
  },
  provide: (field) => EditorView.decorations.from(field),
})

function within({ from, to, severity, message }, length) {
  const [start, end] = [Math.min(from, length), Math.min(to, length)]
  if (start >= end) return []
  return [Decoration.mark({ class: `marked marked-${severity}`, attributes: { title: message } }).range(start, end)]
}
