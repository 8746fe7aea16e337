import { SealtrailError } from './errors.js'
import { imageText, jsonText, usualText } from './json-text.js'

const [typeText, nameText] = [usualText(), usualText()]
const MEMBERS = new Set(['id', 'entity', 'action', 'before', 'after', 'context'])

/**
 * One change as one line of JSON. `before` or `after` undefined or missing says "not known", null says "there was none".
 *
 * @param {object} change what `trail.record` was given
 * @param {string} context as `contextText` gives it
 * @param {object} [more]
 * @param {string} [more.id] a UUID, by which the change is called where it does not say
 * @param {import('./images.js').Images} [more.images] where the policy is known: what it has no use for is left out
 */
export function changeText(change, context, { id, images } = {}) {
  if (change === null || typeof change !== 'object') {
    throw new SealtrailError('not_a_change', 'a change is an object with `entity`, `action`, `before` and `after`')
  }
  for (const key of Object.keys(change)) {
    // `befor` would be a before image that nobody recorded.
    if (!MEMBERS.has(key)) throw invalid(`/${key}`, `\`${key}\` is not a member of a change`)
  }
  const { entity, action, before, after } = change
  const named = change.id === undefined ? (id === undefined ? '' : `"id":"${id}",`) : idText(change.id)
  let text = `{${named}"entity":${entityText(entity)},"action":${actionText(action)}`
  if (images !== undefined && action === 'update' && before !== undefined && after !== undefined) {
    const [old, now] = images.texts(before, after)
    return `${text},"before":${old},"after":${now},"context":${context}}`
  }
  if (before !== undefined) text += `,"before":${imageText(before, '/before')}`
  if (after !== undefined) text += `,"after":${imageText(after, '/after')}`
  return `${text},"context":${context}}`
}

function entityText(entity) {
  if (entity === null || typeof entity !== 'object') throw missing('/entity')
  const { type, id } = entity
  if (type === undefined || type === null) throw missing('/entity/type')
  if (id === undefined || id === null) throw missing('/entity/id')
  if (typeof type !== 'string' || type === '') throw invalid('/entity/type', '`entity.type` must be a text that is not empty')
  const written = typeof id === 'bigint' || Number.isSafeInteger(id) ? String(id) : id
  if (typeof written !== 'string' || written === '') {
    throw invalid('/entity/id', '`entity.id` must be a text that is not empty, or an integer')
  }
  return `{"type":${typeText(type, '/entity/type')},"id":${jsonText(written, '/entity/id')}}`
}

function idText(id) {
  if (typeof id !== 'string' || id === '') throw invalid('/id', '`id` must be a text that is not empty')
  return `"id":${jsonText(id, '/id')},`
}

function actionText(action) {
  if (action === undefined || action === null) throw missing('/action')
  if (typeof action !== 'string') throw invalid('/action', '`action` must be a text')
  return nameText(action, '/action')
}

function missing(pointer) {
  return new SealtrailError('missing_field', `a change needs \`${pointer.slice(1).replace('/', '.')}\``, { at: { pointer } })
}

function invalid(pointer, message) {
  return new SealtrailError('invalid_field', message, { at: { pointer } })
}
