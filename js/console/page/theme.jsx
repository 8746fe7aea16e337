import { useLayoutEffect, useState } from 'preact/hooks'
import { Icon } from './icons.jsx'

const CHOICES = [
  { name: 'system', label: 'As the system' },
  { name: 'light', label: 'Light' },
  { name: 'dark', label: 'Dark' },
]
const KEY = 'sealtrail-theme'

/** What was chosen is kept in this browser; where that is not allowed, for as long as the page is open. */
function remembered() {
  try {
    return CHOICES.find(({ name }) => name === localStorage.getItem(KEY))?.name ?? 'system'
  } catch {
    return 'system'
  }
}

export function ThemeSwitch() {
  const [chosen, setChosen] = useState(remembered)
  // Before anything is drawn, or the page shows the colours it had for a frame more.
  useLayoutEffect(() => {
    document.documentElement.dataset.theme = chosen
    try {
      localStorage.setItem(KEY, chosen)
    } catch {
      // Nothing is kept.
    }
  }, [chosen])
  return (
    <fieldset class="theme">
      <legend class="unseen">Colours</legend>
      {CHOICES.map(({ name, label }) => (
        <label key={name} title={label}>
          <input type="radio" name="theme" value={name} checked={name === chosen} onChange={() => setChosen(name)} />
          <Icon name={name} />
          <span class="unseen">{label}</span>
        </label>
      ))}
    </fieldset>
  )
}
