import { Guest } from './guest.js'
import { composed } from './payload.js'
import { Preview } from './preview.js'

/** The last preview that worked: rows are asked of it. */
let guest, shown

const ANSWERS = {
  async load({ bytes, lock }) {
    const isHeld = hold(lock)
    guest = await Guest.compile(bytes)
    return { sha256: guest.sha256, isHeld: await isHeld }
  },

  preview({ policy, payload, rows }) {
    const { text, placeOf } = composed(guest, payload)
    try {
      shown = new Preview(guest, policy, text)
    } catch (error) {
      if (error.source === 'change') putBack(error, placeOf(error))
      throw error
    }
    const { summary, outcome, counts } = shown
    return { summary, outcome, counts, ...shown.rows(rows) }
  },

  rows(wanted) {
    return previewed().rows(wanted)
  },

  record({ longest }) {
    return previewed().recordText(longest)
  },

  /** What the policy says in vain, with the payload as its sample; without it, if it is no change. */
  lint({ policy, payload }) {
    try {
      return { isSampled: true, findings: JSON.parse(guest.call('lint', policy, composed(guest, payload).text)) }
    } catch {
      return { isSampled: false, findings: JSON.parse(guest.call('lint', policy)) }
    }
  },
}

/** Holds the lock as long as this worker lives; false where the browser gives none, as on plain http. */
function hold(lock) {
  return new Promise((tell) => {
    if (!navigator.locks) return tell(false)
    navigator.locks.request(lock, () => new Promise(() => tell(true))).catch(() => tell(false))
  })
}

function previewed() {
  if (shown) return shown
  throw Object.assign(new Error('nothing was previewed yet'), { code: 'nothing_previewed' })
}

/** Says of an error of the change what text, and where in it, somebody has to look at. */
function putBack(error, { source, at }) {
  const words = ({ line, column }) => `line ${line}, column ${column}`
  if (error.at && at) error.message = error.message.replace(words(error.at), words(at))
  Object.assign(error, { source, at })
}

addEventListener('message', async ({ data: { number, call, argument } }) => {
  try {
    postMessage({ number, result: await ANSWERS[call](argument) })
  } catch ({ message, code, at, source }) {
    postMessage({ number, error: { message, code, at, source } })
  }
})
