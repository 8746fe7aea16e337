import { EditorView } from '@codemirror/view'

/** Colours are those of the page: its custom properties reach into the shadow root. */
export const theme = EditorView.theme({
  '&': { height: '100%', color: 'var(--ink)', backgroundColor: 'transparent', fontSize: 'var(--code-size)' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '1.55' },
  '.cm-content ::selection, .cm-line::selection': { backgroundColor: 'var(--selection)' },
  '.cm-content': { padding: '.6rem 0', caretColor: 'var(--ink)' },
  '.cm-line': { padding: '0 .75rem 0 .5rem' },
  '.cm-gutters': { backgroundColor: 'transparent', color: 'var(--faint)', border: 'none', paddingLeft: '.35rem' },
  '.cm-activeLine, .cm-activeLineGutter': { backgroundColor: 'transparent' },
  '&.cm-focused .cm-activeLine': { backgroundColor: 'var(--line)' },
  '&.cm-focused .cm-activeLineGutter': { color: 'var(--ink)' },
  '.json-name': { color: 'var(--json-name)' },
  '.json-text': { color: 'var(--json-text)' },
  '.json-number, .json-word': { color: 'var(--json-number)' },
  '.marked': { textDecoration: 'underline wavy', textUnderlineOffset: '3px', textDecorationThickness: '1px' },
  '.marked-error': { textDecorationColor: 'var(--bad)', backgroundColor: 'var(--bad-ground)' },
  '.marked-warning': { textDecorationColor: 'var(--warn)' },
  '.marked-note': { textDecoration: 'underline dotted', textDecorationColor: 'var(--faint)' },
})
