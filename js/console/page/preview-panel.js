import { element } from './element.js'
import { EXAMPLES } from './examples.js'
import { preview } from './preview.js'

const byId = (id) => document.getElementById(id)

/** Previews as one types; the last state that was typed is the one that is shown. */
export function startPreviewPanel(guest) {
  const sources = { policy: byId('policy'), change: byId('change') }
  const example = byId('example')
  example.append(...Object.keys(EXAMPLES).map((name) => element('option', { value: name }, name)))

  let waiting
  let running = 0
  async function run() {
    const mine = ++running
    let shown
    try {
      shown = await preview(guest, sources.policy.value, sources.change.value)
    } catch (error) {
      if (mine === running) showError(sources, error)
      return
    }
    if (mine === running) show(sources, shown)
  }
  function soon() {
    clearTimeout(waiting)
    waiting = setTimeout(run, 150)
  }
  function take(name) {
    sources.policy.value = EXAMPLES[name].policy
    sources.change.value = EXAMPLES[name].change
    return run()
  }

  sources.policy.addEventListener('input', soon)
  sources.change.addEventListener('input', soon)
  example.addEventListener('change', () => take(example.value))
  return take(example.value)
}

function show(sources, { summary, outcome, record, rows }) {
  for (const name of Object.keys(sources)) note(sources[name], '')
  byId('policy-note').textContent = `${summary.id} version ${summary.version}, sha256 ${summary.sha256}`
  const counts = Object.entries(Object.groupBy(rows, ({ treatment }) => treatment.word)).map(([word, of]) => `${of.length} ${word}`)
  byId('summary').textContent = outcome === 'unchanged' ? 'Nothing changed, so nothing would be stored.' : `${rows.length} fields: ${counts.join(', ')}.`
  byId('fields').replaceChildren(...(rows.length ? [table(rows)] : []))
  byId('record').textContent = record
  byId('record-details').hidden = record === ''
  byId('preview-panel').classList.remove('stale')
}

function showError(sources, error) {
  const wrong = sources[error.source] ?? sources.change
  for (const source of Object.values(sources)) note(source, '')
  const line = error.at?.line
  const place = line && element('button', { type: 'button', class: 'link', onclick: () => goTo(wrong, error.at) }, `Go to line ${line}, column ${error.at.column}`)
  note(wrong, element('strong', {}, 'Error: '), error.message, ...(place ? [' ', place] : []))
  wrong.setAttribute('aria-invalid', 'true')
  byId('summary').textContent = 'Below is the last preview that worked.'
  byId('preview-panel').classList.add('stale')
}

function note(source, ...content) {
  source.removeAttribute('aria-invalid')
  byId(source.getAttribute('aria-describedby')).replaceChildren(...content)
}

/** Columns of the core count characters (code points); the caret counts UTF-16 units. */
function goTo(source, { line, column }) {
  const lines = source.value.split('\n')
  const before = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0)
  const start = before + [...(lines[line - 1] ?? '')].slice(0, column - 1).join('').length
  source.focus()
  source.setSelectionRange(start, start + 1)
  source.scrollTop = (line - 4) * parseFloat(getComputedStyle(source).lineHeight)
}

const COLUMNS = ['Field', 'Comes in', 'Would be stored', 'Treatment', 'Decided by']

function table(rows) {
  const head = COLUMNS.map((text) => element('th', { scope: 'col' }, text))
  return element('table', {}, element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...rows.map(tableRow)))
}

function tableRow({ path, action, because, treatment, sides }) {
  const values = (member, none) =>
    sides.flatMap((side) => [
      element('dt', {}, side.side),
      side[member] === undefined ? element('dd', { class: 'none' }, none) : element('dd', {}, element('code', {}, side[member])),
    ])
  return element('tr', { 'data-action': action },
    element('th', { scope: 'row' }, element('code', {}, path === '' ? '(the whole entity)' : path)),
    element('td', { 'data-label': COLUMNS[1] }, element('dl', {}, ...values('given', 'no value'))),
    element('td', { 'data-label': COLUMNS[2] }, element('dl', {}, ...values('stored', 'not stored'))),
    element('td', { 'data-label': COLUMNS[3] },
      element('span', { class: `badge ${action}` }, treatment.word),
      ...(treatment.detail ? [element('small', {}, treatment.detail)] : []),
    ),
    element('td', { 'data-label': COLUMNS[4] }, because),
  )
}
