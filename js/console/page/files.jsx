import { useRef, useState } from 'preact/hooks'
import { Icon } from './icons.jsx'

/** The core takes no more; a larger file is not even read. */
const LARGEST = 8 << 20

/** Files as `{ name, text }`, or `{ name, error }`. */
async function textsOf(files) {
  return Promise.all(
    [...files].map(async (file) => {
      const { name } = file
      if (file.size > LARGEST) return { name, error: `${name} has ${file.size} bytes; ${LARGEST} are the most` }
      try {
        return { name, text: new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer()) }
      } catch {
        return { name, error: `${name} is no text in UTF-8` }
      }
    }),
  )
}

/** Handlers for an element that takes dropped files; they come before the editor's own, which would insert the text. */
export function useDrop(onFiles) {
  const [isOver, setOver] = useState(false)
  const hasFiles = (event) => event.dataTransfer?.types.includes('Files')
  return {
    'data-over': isOver ? '' : undefined,
    onDragOverCapture(event) {
      if (!hasFiles(event)) return
      event.preventDefault()
      setOver(true)
    },
    onDragLeaveCapture(event) {
      if (!event.currentTarget.contains(event.relatedTarget)) setOver(false)
    },
    async onDropCapture(event) {
      if (!hasFiles(event)) return
      event.preventDefault()
      event.stopPropagation()
      setOver(false)
      const { files } = event.dataTransfer
      if (files.length > 0) onFiles(await textsOf(files))
    },
  }
}

/** The same for who does not drag: a button that opens files. */
export function FileButton({ label, isMany = false, onFiles }) {
  const input = useRef()
  async function take() {
    const files = await textsOf(input.current.files)
    input.current.value = ''
    if (files.length > 0) onFiles(files)
  }
  return (
    <>
      <button type="button" class="plain" onClick={() => input.current.click()} aria-label={label}><Icon name="file" /> Open</button>
      <input ref={input} type="file" multiple={isMany} hidden aria-label={label} onChange={take} />
    </>
  )
}
