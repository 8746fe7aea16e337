import { useState } from 'preact/hooks'
import { EXAMPLES } from './examples.js'

/** Each example is a policy and a change. */
export function ExampleChoice({ documents }) {
  const names = Object.keys(EXAMPLES)
  const [chosen, setChosen] = useState(names[0])
  function take({ target }) {
    setChosen(target.value)
    documents.takeExample(target.value)
  }
  return (
    <label class="example">
      <span>Start from an example</span>
      <select id="example" value={chosen} onChange={take}>
        {names.map((name) => <option key={name} value={name}>{name}</option>)}
      </select>
    </label>
  )
}
