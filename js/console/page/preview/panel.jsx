import { useEffect, useState } from 'preact/hooks'
import { Icon } from '../icons.jsx'
import { ExampleChoice } from './example-choice.jsx'
import { Fields } from './fields.jsx'
import { Payload } from './payload.jsx'
import { Policy } from './policy.jsx'
import { Record } from './record.jsx'
import { Summary } from './summary.jsx'
import { useDocuments } from './documents.js'
import { usePreview } from './use-preview.js'

/** A policy and a payload go in; what would be stored comes out, while one types. */
export function PreviewPanel({ core, loaded }) {
  const documents = useDocuments()
  const { shown, problem, failure, lint, isBusy, filter, setFilter, showMore, failAbout } = usePreview(core, loaded, documents)
  const [isReady, setReady] = useState(false)

  // The editor is the larger part of the script, so it comes after what people came to see.
  useEffect(() => {
    if (shown || problem) setReady(true)
  }, [shown !== undefined, problem !== undefined])
  useEffect(() => {
    if (shown || problem) document.documentElement.dataset.ready = 'true'
  }, [shown, problem])

  return (
    <section aria-labelledby="preview-title" class="panel" data-stale={problem ? '' : undefined}>
      <div class="lead">
        <h1 id="preview-title">What would be stored?</h1>
        <p>A change goes in, a policy decides about every field, and this page shows the record that the log would hold.</p>
        <ExampleChoice documents={documents} />
      </div>
      <div class="sources">
        <Policy documents={documents} summary={shown?.summary} problem={problem} lint={lint} isReady={isReady} />
        <Payload documents={documents} problem={problem} isReady={isReady} />
      </div>
      <div class="outcome" aria-busy={isBusy}>
        <h2>The record</h2>
        <p class="throwaway">
          <Icon name="key" /> Sealed here with <strong>throw-away keys</strong> that this page makes and forgets: nobody can open
          these values, and they differ in every preview.
        </p>
        {failure && <p class="problem" role="alert"><Icon name="error" /> <strong>Error:</strong> {failure}</p>}
        <Summary shown={shown} problem={problem} filter={filter} setFilter={setFilter} />
        {shown && shown.outcome !== 'unchanged' && (
          <>
            <Fields shown={shown} filter={filter} setFilter={setFilter} showMore={showMore} policy={documents.policy} />
            <Record core={core} shown={shown} onFailure={failAbout} />
          </>
        )}
      </div>
    </section>
  )
}
