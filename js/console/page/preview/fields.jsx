import { useEffect, useRef, useState } from 'preact/hooks'
import { Icon } from '../icons.jsx'
import { placeOf } from '../json-place.js'
import { reasonOf, TREATMENTS } from './treatments.js'
import { Value } from './value.jsx'

/** Rows that are drawn in one frame: all of them at once hold the page up. */
const AT_ONCE = 5

const COLUMNS = ['Field', 'Comes in', 'Would be stored', 'Why']

/** Side by side: what comes in and what would be stored of each field, by which treatment and rule. */
export function Fields({ shown, filter, setFilter, showMore, policy }) {
  const { rows, total } = shown
  const { drawn, isWhole } = useDrawn(rows)
  return (
    <>
      <div class="finder">
        <label for="find">Find a field</label>
        <input id="find" type="search" value={filter.text} onInput={({ target }) => setFilter({ text: target.value })} placeholder="/customer/email" />
        <p role="status">
          {(filter.action || filter.text) && <>{total} of {Object.values(shown.counts).reduce((sum, n) => sum + n, 0)} fields{' '}</>}
          {filter.action && <button type="button" class="link" onClick={() => setFilter({ action: undefined, text: '' })}>Show all</button>}
        </p>
      </div>
      <table id="fields" aria-busy={!isWhole}>
        <caption class="unseen">Fields of the record and their treatment</caption>
        <thead><tr>{COLUMNS.map((name) => <th key={name} scope="col">{name}</th>)}</tr></thead>
        <Group title="The entity" rows={drawn.filter((row) => !isContext(row))} policy={policy} />
        <Group title="Who, and for which request" rows={drawn.filter(isContext)} policy={policy} />
      </table>
      {rows.length < total && (
        <p class="more">
          <button type="button" onClick={showMore}>Show more</button> <span class="quiet">{drawn.length} of {total} shown</span>
        </p>
      )}
    </>
  )
}

/** The rows, of which some are new with each frame until all are; behind them is what stood there before. */
function useDrawn(rows) {
  const drawn = useRef([])
  const [, drawMore] = useState(0)
  const firstNew = (others) => rows.findIndex((row, at) => row !== others[at])
  const from = firstNew(drawn.current)
  const end = from === -1 ? rows.length : from + AT_ONCE
  drawn.current = [...rows.slice(0, end), ...drawn.current.slice(end, rows.length)]
  const isWhole = firstNew(drawn.current) === -1
  useEffect(() => {
    if (isWhole) return undefined
    const frame = requestAnimationFrame(() => drawMore((n) => n + 1))
    return () => cancelAnimationFrame(frame)
  })
  return { drawn: drawn.current, isWhole }
}

/** What a record says besides the images is below `/data/`; members of an entity are named from its root. */
function isContext({ sides }) {
  return sides.every(({ side }) => side === 'context')
}

function Group({ title, rows, policy }) {
  if (rows.length === 0) return null
  return (
    <tbody>
      <tr class="group"><th colSpan={COLUMNS.length} scope="rowgroup">{title}</th></tr>
      {rows.map((row, at) => <Row key={at} row={row} policy={policy} />)}
    </tbody>
  )
}

function Row({ row, policy }) {
  const { path, action, sides } = row
  return (
    <tr data-action={action}>
      <th scope="row">
        <code class="path">{path === '' ? '(the whole entity)' : <Pointer path={path} />}</code>
        <span class={`badge of-${action}`}><Icon name={action} size={14} /> {TREATMENTS[action]?.word ?? action}</span>
      </th>
      <td data-label={COLUMNS[1]}>{sides.map(({ side, given }) => <Value key={side} side={side} value={given} none="no value" />)}</td>
      <td data-label={COLUMNS[2]}>
        {sides.map(({ side, stored }) => <Value key={side} side={side} value={stored} none="not stored" isToken={action === 'seal'} />)}
        <Keys row={row} />
      </td>
      <td data-label={COLUMNS[3]}><Reason row={row} policy={policy} /></td>
    </tr>
  )
}

/** A long pointer is broken between its steps. */
function Pointer({ path }) {
  return path.split('/').slice(1).map((step, number) => <span key={number}>/<wbr />{step}</span>)
}

/** Under which keys a field is sealed: whoever destroys one of them destroys the value. */
function Keys({ row: { action, group, subject, retain, sides } }) {
  if (!group) return null
  const kids = sides.find(({ stored }) => stored?.kids)?.stored.kids
  return (
    <dl class="keys">
      <div><dt>group</dt> <dd>{group}</dd></div>
      <div><dt>key of</dt> <dd>{subject}</dd></div>
      {action === 'seal' && <div><dt>retention</dt> <dd>{retain}</dd></div>}
      {kids && <div><dt>key ids</dt> <dd><code>{kids.join(', ')}</code></dd></div>}
    </dl>
  )
}

function Reason({ row, policy }) {
  const { why, rule, at, unsaid } = reasonOf(row.because, isContext(row))
  const isSaid = at && (!unsaid || placeOf(policy.text, at))
  function show() {
    // The policy may have changed since.
    const place = placeOf(policy.text, at)
    if (place) policy.select(place.from, place.to)
  }
  return (
    <>
      <span class="why">{why}</span>{' '}
      {isSaid ? <button type="button" class="link rule" onClick={show} title="Show it in the policy">{rule}</button> : <code class="rule">{unsaid ?? rule}</code>}
    </>
  )
}
