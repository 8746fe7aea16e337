import { GuestError } from './guest.js'

/**
 * The change that is previewed, as one JSON text, and the way back from an error of it to the text that somebody typed, or to the
 * fields beside the images (`entity`).
 *
 * A payload is `{ mode: 'change', change }`, or `{ mode: 'images', type, id, action, before, after }`, where an image that is
 * empty is `null` where the action says that there is no such entity, and otherwise left out, which means that nobody knows it.
 */
export function composed(guest, payload) {
  if (payload.mode === 'change') return { text: payload.change, placeOf: ({ at }) => ({ source: 'change', at }) }
  const absent = { create: 'before', delete: 'after' }[payload.action]
  const head = { entity: { type: payload.type, id: payload.id }, action: payload.action }
  let text = JSON.stringify(head).slice(0, -1)
  const starts = []
  for (const name of ['before', 'after']) {
    let image = payload[name]
    if (image.trim() === '') {
      if (name !== absent) continue
      image = 'null'
    }
    mustBeOneValue(guest, name, image)
    // On lines of its own, so that only the number of the line has to be put back.
    text += `,"${name}":\n`
    starts.push({ name, line: text.split('\n').length })
    text += `${image}\n`
  }
  text += '}'
  return { text, placeOf: (error) => backTo(starts, error) }
}

function backTo(starts, { at, message }) {
  const start = starts.findLast(({ line }) => at && line <= at.line)
  if (!start) {
    const [, side, field] = /^`\/(?:(before|after)|(entity|action))\b/.exec(message) ?? []
    return { source: side ?? (field ? 'entity' : starts[0]?.name ?? 'before'), at: undefined }
  }
  return { source: start.name, at: { ...at, line: at.line - start.line + 1 } }
}

/** An image that ends early, or goes on, would lend its brackets to what is put around it. */
function mustBeOneValue(guest, name, image) {
  try {
    JSON.parse(image)
  } catch {
    try {
      guest.call('diff', '{}', '', image, 'null')
      throw new GuestError({ code: 'malformed_json', message: `the ${name} image is no JSON` })
    } catch (error) {
      error.source = name
      error.message = error.message.replace(/^before\b/, name)
      throw error
    }
  }
}
