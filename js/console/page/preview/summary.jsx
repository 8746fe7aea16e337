import { Icon } from '../icons.jsx'
import { TREATMENTS } from './treatments.js'

/** How many fields have which treatment, what that means, and a filter for the fields below. */
export function Summary({ shown, problem, filter, setFilter }) {
  return (
    <>
      <p class="said" role="status" id="summary">{said(shown, problem)}</p>
      {shown && shown.outcome !== 'unchanged' && (
        <div class="treatments" role="group" aria-label="Show only fields that are">
          {Object.entries(TREATMENTS).map(([action, { word, means }]) => {
            const count = shown.counts[action] ?? 0
            const isOn = filter.action === action
            return (
              <button
                key={action} type="button" class={`treatment of-${action}`} aria-pressed={isOn} disabled={count === 0 && !isOn}
                onClick={() => setFilter({ action: isOn ? undefined : action })}
              >
                <span class="count"><Icon name={action} size={18} /> {count} <span>{word}</span></span>
                <span class="means">{means}</span>
              </button>
            )
          })}
        </div>
      )}
    </>
  )
}

function said(shown, problem) {
  if (problem) return shown ? 'Below is the last preview that worked.' : 'Nothing can be previewed yet.'
  if (!shown) return 'Loading the core…'
  if (shown.outcome === 'unchanged') return 'Nothing changed, so nothing would be stored.'
  const counts = Object.entries(TREATMENTS).flatMap(([action, { word }]) => (shown.counts[action] ? [`${shown.counts[action]} ${word}`] : []))
  const total = Object.values(shown.counts).reduce((sum, count) => sum + count, 0)
  return `${total} ${total === 1 ? 'field' : 'fields'} of the record: ${counts.join(', ')}.`
}
