import { useEffect, useRef, useState } from 'preact/hooks'
import { Mark, Icon } from './icons.jsx'
import { PreviewPanel } from './preview/panel.jsx'
import { isPolicyLink } from './preview/share.js'
import { ThemeSwitch } from './theme.jsx'

const PANELS = [
  { name: 'preview', label: 'Preview a policy' },
  { name: 'verify', label: 'Verify a record' },
]

/** A link to anything but a panel (the skip link, a shared policy) shows the panel that is there, or the first one. */
function panelOf(hash, shown) {
  if (isPolicyLink(hash)) return 'preview'
  return PANELS.find(({ name }) => hash === `#${name}`)?.name ?? shown ?? 'preview'
}

export function App({ core, loaded }) {
  const [panel, setPanel] = useState(() => panelOf(location.hash))
  // From its first opening on, so that what stands in it is still there at the second.
  const hasVerify = useRef(false)
  hasVerify.current ||= panel === 'verify'
  const [engine, setEngine] = useState({})

  useEffect(() => {
    const follow = () => setPanel((shown) => panelOf(location.hash, shown))
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  useEffect(() => {
    const follow = (loaded) => loaded.then(
      ({ sha256 }) => setEngine({ isLoaded: true, sha256 }),
      ({ message }) => {
        setEngine({ failed: message })
        document.documentElement.dataset.ready = 'false'
      },
    )
    follow(loaded)
    return core.onLoad(follow)
  }, [])

  return (
    <>
      <a class="skip" href="#main">Skip to the panel</a>
      <header>
        <p class="brand"><Mark /> sealtrail <span>console</span></p>
        <nav aria-label="Panels">
          {PANELS.map(({ name, label }) => (
            <a key={name} href={`#${name}`} aria-current={name === panel ? 'page' : undefined}>{label}</a>
          ))}
        </nav>
        <p class="promise"><Icon name="shield" /> Nothing you type leaves this page</p>
        <ThemeSwitch />
      </header>
      <main id="main" tabIndex={-1}>
        {engine.failed && <p class="problem" role="alert"><Icon name="error" /> The core could not be started: {engine.failed}</p>}
        <div hidden={panel !== 'preview'}><PreviewPanel core={core} loaded={loaded} /></div>
        {hasVerify.current && <div hidden={panel !== 'verify'}><LoadedPanel /></div>}
      </main>
      <Footer engine={engine} />
    </>
  )
}

/** Loaded when it is opened for the first time: who previews a policy need not wait for it. */
function LoadedPanel() {
  const [loaded, setLoaded] = useState({})
  useEffect(() => {
    import('./verify/panel.jsx').then(({ VerifyPanel }) => setLoaded({ VerifyPanel }), ({ message }) => setLoaded({ failed: message }))
  }, [])
  const { VerifyPanel, failed } = loaded
  if (failed) return <p class="problem" role="alert"><Icon name="error" /> This panel could not be loaded: {failed}</p>
  return VerifyPanel && <VerifyPanel />
}

/** A page that came over plain http might say anything of itself, too. */
const NO_DIGEST = 'not computed: browsers do so on https, localhost and for files only. Fetch guest.wasm from beside this page, and ask sha256sum.'

function Footer({ engine }) {
  const isOneFile = document.getElementById('guest.wasm') !== null
  const digest = engine.sha256 ?? (engine.isLoaded ? NO_DIGEST : '…')
  return (
    <footer>
      <section aria-labelledby="engine-title">
        <h2 id="engine-title">The same core as in production</h2>
        <p>
          Previews run <code>guest.wasm</code>, the very file that the sidecar runs. This is the SHA-256 of the bytes that this
          page loaded; records name theirs as <code>engine.sha256</code>.
        </p>
        <p><output id="digest" class="digest">{digest}</output></p>
      </section>
      <section aria-labelledby="offline-title">
        <h2 id="offline-title">{isOneFile ? 'One file, and no network' : 'Take it offline'}</h2>
        {isOneFile ? (
          <p>This page is one file. It runs from a folder, and its Content-Security-Policy lets it talk to nobody.</p>
        ) : (
          <p>
            <a href="sealtrail-console.html" download>The page as one file</a> runs by double click, without any server, and
            lets itself talk to nobody.
          </p>
        )}
      </section>
    </footer>
  )
}
