import { render } from 'preact'
import { App } from './app.jsx'
import { Core } from './core.js'
import { wasmBytes } from './wasm-bytes.js'

// Begins before anything is drawn: the bytes are most of what is loaded.
const core = new Core(wasmBytes('guest.wasm'))
const loaded = core.load()

render(<App core={core} loaded={loaded} />, document.getElementById('app'))
