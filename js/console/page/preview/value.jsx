/** A token is random text: its ends are enough to tell one from another, and the record has it whole. */
const TOKEN = /^"(st1\.\d+\.)([\w-]{8})[\w-]+"$/

const SHORT = { before: 'before', after: 'after', context: '' }

export function Value({ side, value, none, isToken }) {
  return (
    <div class={SHORT[side] ? 'value' : 'value unsided'}>
      {SHORT[side] && <span class="side">{SHORT[side]}</span>}
      {value === undefined ? <span class="none">{none}</span> : (
        <div>
          <code>{value.runs ? <Runs runs={value.runs} /> : isToken ? shortened(value.text) : value.text}{value.cut && '…'}</code>
          {value.whole !== undefined && <span class="whole"> with all of <code>{value.whole || 'the entity'}</code></span>}
        </div>
      )}
    </div>
  )
}

function shortened(text) {
  const token = TOKEN.exec(text)
  return token ? `${token[1]}${token[2]}…` : text
}

const ELEMENTS = { same: 'span', removed: 'del', added: 'ins', 'left-out': 'span' }

function Runs({ runs }) {
  return (
    <>
      "{runs.map(({ kind, text }, number) => {
        const Element = ELEMENTS[kind]
        return <Element key={number} class={kind}>{kind === 'left-out' ? ` … ${text} … ` : text}</Element>
      })}"
    </>
  )
}
