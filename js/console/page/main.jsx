import { render } from 'preact'
import { App } from './app.jsx'
import { Core } from './core.js'
import { wasmBytes } from './wasm-bytes.js'

const core = new Core()
// Begins before anything is drawn: the bytes are most of what is loaded.
const loaded = wasmBytes('guest.wasm').then((bytes) => core.call('load', { bytes }, [bytes]))

render(<App core={core} loaded={loaded} />, document.getElementById('app'))
