import { Icon } from '../icons.jsx'

/** What is wrong with a text, and a way to the place. */
export function Problem({ problem, source }) {
  return (
    <p class="problem">
      <Icon name="error" /> <strong>Error:</strong> {problem.message}{' '}
      {problem.from !== undefined && (
        <button type="button" class="link" onClick={() => source.select(problem.from, problem.to)}>
          Go to line {problem.line}, column {problem.column}
        </button>
      )}
    </p>
  )
}
