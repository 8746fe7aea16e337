import { useRef, useState } from 'preact/hooks'
import { Icon } from './icons.jsx'

/** The core takes no more; a larger file is not even read. */
const LARGEST = 8 << 20

/** Of the files of a folder, or of an archive. */
const MOST = 20_000

/** Files as `{ name, text }`, or `{ name, error }`; a name has the folders that the file was given with. */
async function textsOf(files, largest = LARGEST) {
  return Promise.all(
    files.map(async ({ name, file }) => {
      if (file.size > largest) return { name, error: `${name} has ${file.size} bytes; ${largest} are the most` }
      try {
        return { name, text: new TextDecoder('utf-8', { fatal: true }).decode(await file.arrayBuffer()) }
      } catch {
        return { name, error: `${name} is no text in UTF-8` }
      }
    }),
  )
}

const named = (files) => [...files].map((file) => ({ name: file.webkitRelativePath || file.name, file }))

/** What was dropped, with the files of folders; the entries must be asked for before anything is waited for. */
async function dropped({ items, files }) {
  const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean)
  if (!entries.some(({ isDirectory }) => isDirectory)) return named(files)
  const found = []
  while (entries.length > 0) {
    const entry = entries.pop()
    if (entry.isFile) found.push({ name: entry.fullPath.slice(1), file: await new Promise((resolve, reject) => entry.file(resolve, reject)) })
    else {
      const reader = entry.createReader()
      for (let read; (read = await new Promise((resolve, reject) => reader.readEntries(resolve, reject))).length > 0; ) entries.push(...read)
    }
    if (found.length + entries.length > MOST) throw new Error(`more than ${MOST} files`)
  }
  return found
}

/** Handlers for an element that takes dropped files; they come before the editor's own, which would insert the text. */
export function useDrop(onFiles, largest) {
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
      const files = await dropped(event.dataTransfer).then((files) => textsOf(files, largest), ({ message }) => [{ name: 'the folder', error: `The folder cannot be read: ${message}` }])
      if (files.length > 0) onFiles(files)
    },
  }
}

/** The same for who does not drag: a button that opens files. */
export function FileButton({ label, says = 'Open', isMany = false, isFolder = false, largest, onFiles }) {
  const input = useRef()
  async function take() {
    const files = await textsOf(named(input.current.files), largest)
    input.current.value = ''
    if (files.length > 0) onFiles(files)
  }
  return (
    <>
      <button type="button" class="plain" onClick={() => input.current.click()} aria-label={label}><Icon name="file" /> {says}</button>
      <input ref={input} type="file" multiple={isMany} webkitdirectory={isFolder} hidden aria-label={label} onChange={take} />
    </>
  )
}
