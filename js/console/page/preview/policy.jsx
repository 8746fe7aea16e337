import { useRef, useState } from 'preact/hooks'
import { Editor } from '../editor/editor.jsx'
import { Icon } from '../icons.jsx'
import { FileButton, useDrop } from '../files.jsx'
import { Findings } from './findings.jsx'
import { Problem } from './problem.jsx'
import { linkOf } from './share.js'

export function Policy({ documents, summary, problem, lint, isReady }) {
  const mine = problem?.source === 'policy' ? problem : undefined
  const [message, setMessage] = useState()
  const take = ([file]) => (file.error ? setMessage(file.error) : (setMessage(undefined), documents.openPolicy(file.text)))
  const drop = useDrop(take)
  return (
    <div class="source" {...drop}>
      <div class="source-head">
        <h2>Policy</h2>
        <FileButton label="Open a policy" onFiles={take} />
        <Share policy={documents.policy} />
      </div>
      {documents.notice && <p class="notice" role="status"><Icon name="link" /> {documents.notice}</p>}
      <Editor id="policy" source={documents.policy} label="Policy" isReady={isReady} isInvalid={mine !== undefined} describedBy="policy-note" />
      <div id="policy-note" class="note" role="status">
        {message && <p class="problem"><Icon name="error" /> {message}</p>}
        {mine ? <Problem problem={mine} source={documents.policy} /> : summary && (
          <p class="quiet">
            <strong>{summary.id}</strong> version {summary.version} <span class="digest" title={summary.sha256}>sha256 {summary.sha256.slice(0, 12)}…</span>
          </p>
        )}
      </div>
      {!mine && lint && <Findings lint={lint} policy={documents.policy} />}
    </div>
  )
}

/** Browsers give the clipboard to https and localhost only, and where somebody allows it. */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false
  }
}

function isFile() {
  return location.protocol === 'file:'
}

/** A whole address; of a page that is a file, the end of one: where the file lies is nobody else's, and opens nothing there. */
function linkTo(hash) {
  if (isFile()) return hash
  const url = new URL(hash, location.href)
  // However somebody came here is nobody else's.
  url.search = ''
  return url.href
}

/** The link carries the policy, compressed, behind the `#`: browsers do not send that part to any server. */
function Share({ policy }) {
  const [link, setLink] = useState()
  const field = useRef()
  async function make() {
    try {
      const url = linkTo(await linkOf(policy.text))
      const said = (await copied(url)) ? 'Copied. ' : 'Copy it from here. '
      setLink({ url, said: isFile() ? `${said}It goes behind the address of this page, wherever somebody else has it. ` : said })
    } catch ({ message }) {
      setLink({ said: `No link: ${message}.` })
    }
    field.current?.focus()
  }
  return (
    <>
      <button type="button" class="plain" aria-expanded={link !== undefined} onClick={make}><Icon name="link" /> Share</button>
      {link && (
        <div class="share" role="group" aria-label="Share the policy">
          {link.url && <input ref={field} type="text" readOnly aria-label="Link to this policy" value={link.url} onFocus={(event) => event.target.select()} />}
          <p role="status">{link.said}The link carries the policy only, never a payload.</p>
          <button type="button" class="plain" onClick={() => setLink(undefined)}>Close</button>
        </div>
      )}
    </>
  )
}
