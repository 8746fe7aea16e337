import { Decoration, MatchDecorator, ViewPlugin } from '@codemirror/view'

/**
 * Names, texts, numbers and words of JSON, in what is seen of the text. No token of JSON goes over the end of a line, so
 * it takes no parser, and a line of a megabyte costs no more than its visible part.
 */
const TOKEN = /("(?:[^"\\]|\\.)*")(\s*:)?|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\b(?:true|false|null)\b/g

const MARKS = Object.fromEntries(['name', 'text', 'number', 'word'].map((kind) => [kind, Decoration.mark({ class: `json-${kind}` })]))

const decorator = new MatchDecorator({
  regexp: TOKEN,
  decorate(add, from, to, [token, text, colon]) {
    if (text) add(from, from + text.length, colon ? MARKS.name : MARKS.text)
    else add(from, to, /[a-z]/.test(token[0]) ? MARKS.word : MARKS.number)
  },
})

export const jsonHighlighting = ViewPlugin.define(
  (view) => ({
    decorations: decorator.createDeco(view),
    update(update) {
      this.decorations = decorator.updateDeco(update, this.decorations)
    },
  }),
  { decorations: (plugin) => plugin.decorations },
)
