import {
  addCursorAbove, addCursorBelow, copyLineDown, copyLineUp, cursorCharLeft, cursorCharRight, cursorDocEnd, cursorDocStart, cursorGroupLeft,
  cursorGroupRight, cursorLineBoundaryBackward, cursorLineBoundaryForward, cursorLineBoundaryLeft, cursorLineBoundaryRight, cursorLineDown,
  cursorLineUp, cursorPageDown, cursorPageUp, deleteGroupBackward, deleteGroupForward, deleteLine,
  deleteLineBoundaryBackward, deleteLineBoundaryForward, insertNewlineKeepIndent, moveLineDown, moveLineUp, selectAll,
  selectCharLeft, selectCharRight, selectDocEnd, selectDocStart, selectGroupLeft, selectGroupRight, selectLine, selectLineBoundaryBackward,
  selectLineBoundaryForward, selectLineBoundaryLeft, selectLineBoundaryRight, selectLineDown, selectLineUp, selectPageDown, selectPageUp,
  simplifySelection, toggleTabFocusMode,
} from '@codemirror/commands'
import { EditorSelection, findClusterBreak } from '@codemirror/state'

/**
 * What CodeMirror's `defaultKeymap` binds, without the commands that ask a parser: they bring the package of languages along,
 * a fifth of the editor, and JSON is highlighted without a parser here. What macOS binds for every text it does by itself.
 */
export const keys = [
  { key: 'Alt-ArrowUp', run: moveLineUp },
  { key: 'Shift-Alt-ArrowUp', run: copyLineUp },
  { key: 'Alt-ArrowDown', run: moveLineDown },
  { key: 'Shift-Alt-ArrowDown', run: copyLineDown },
  { key: 'Mod-Alt-ArrowUp', run: addCursorAbove },
  { key: 'Mod-Alt-ArrowDown', run: addCursorBelow },
  { key: 'Escape', run: simplifySelection },
  { key: 'Alt-l', mac: 'Ctrl-l', run: selectLine },
  { key: 'Shift-Mod-k', run: deleteLine },
  { key: 'Ctrl-m', mac: 'Shift-Alt-m', run: toggleTabFocusMode },

  { key: 'ArrowLeft', run: cursorCharLeft, shift: selectCharLeft, preventDefault: true },
  { key: 'Mod-ArrowLeft', mac: 'Alt-ArrowLeft', run: cursorGroupLeft, shift: selectGroupLeft, preventDefault: true },
  { mac: 'Cmd-ArrowLeft', run: cursorLineBoundaryLeft, shift: selectLineBoundaryLeft, preventDefault: true },
  { key: 'ArrowRight', run: cursorCharRight, shift: selectCharRight, preventDefault: true },
  { key: 'Mod-ArrowRight', mac: 'Alt-ArrowRight', run: cursorGroupRight, shift: selectGroupRight, preventDefault: true },
  { mac: 'Cmd-ArrowRight', run: cursorLineBoundaryRight, shift: selectLineBoundaryRight, preventDefault: true },
  { key: 'ArrowUp', run: cursorLineUp, shift: selectLineUp, preventDefault: true },
  { mac: 'Cmd-ArrowUp', run: cursorDocStart, shift: selectDocStart },
  { mac: 'Ctrl-ArrowUp', run: cursorPageUp, shift: selectPageUp },
  { key: 'ArrowDown', run: cursorLineDown, shift: selectLineDown, preventDefault: true },
  { mac: 'Cmd-ArrowDown', run: cursorDocEnd, shift: selectDocEnd },
  { mac: 'Ctrl-ArrowDown', run: cursorPageDown, shift: selectPageDown },
  { key: 'PageUp', run: cursorPageUp, shift: selectPageUp },
  { key: 'PageDown', run: cursorPageDown, shift: selectPageDown },
  { key: 'Home', run: cursorLineBoundaryBackward, shift: selectLineBoundaryBackward, preventDefault: true },
  { key: 'Mod-Home', run: cursorDocStart, shift: selectDocStart },
  { key: 'End', run: cursorLineBoundaryForward, shift: selectLineBoundaryForward, preventDefault: true },
  { key: 'Mod-End', run: cursorDocEnd, shift: selectDocEnd },
  { key: 'Enter', run: insertNewlineKeepIndent, shift: insertNewlineKeepIndent },
  { key: 'Mod-a', run: selectAll },
  { key: 'Backspace', run: deleteCharacter(false), shift: deleteCharacter(false), preventDefault: true },
  { key: 'Delete', run: deleteCharacter(true), preventDefault: true },
  { key: 'Mod-Backspace', mac: 'Alt-Backspace', run: deleteGroupBackward, preventDefault: true },
  { key: 'Mod-Delete', mac: 'Alt-Delete', run: deleteGroupForward, preventDefault: true },
  { mac: 'Mod-Backspace', run: deleteLineBoundaryBackward, preventDefault: true },
  { mac: 'Mod-Delete', run: deleteLineBoundaryForward, preventDefault: true },
]

/** CodeMirror's own asks how far a language indents. */
function deleteCharacter(forward) {
  return ({ state, dispatch }) => {
    if (state.readOnly) return false
    const deletion = state.changeByRange(({ empty, from, to, head }) => {
      if (!empty) return { changes: { from, to }, range: EditorSelection.cursor(from) }
      const other = beside(state.doc, head, forward)
      const start = Math.min(head, other)
      return { changes: { from: start, to: Math.max(head, other) }, range: EditorSelection.cursor(start) }
    })
    if (deletion.changes.empty) return false
    dispatch(state.update(deletion, { scrollIntoView: true, userEvent: forward ? 'delete.forward' : 'delete.backward' }))
    return true
  }
}

/** The place behind or before the character at one, of which a line end is one too. */
function beside(doc, at, forward) {
  const { from, to, text } = doc.lineAt(at)
  if (at === (forward ? to : from)) return Math.max(0, Math.min(doc.length, forward ? at + 1 : at - 1))
  return from + findClusterBreak(text, at - from, forward)
}
