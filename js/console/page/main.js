import { element } from './element.js'
import { Guest } from './guest.js'
import { startPreviewPanel } from './preview-panel.js'
import { startVerifyPanel } from './verify-panel.js'

const PANELS = ['preview', 'verify']
let shown

function showPanel() {
  // The skip link has a hash of its own, which is no panel.
  const chosen = PANELS.find((name) => location.hash === `#${name}`) ?? shown ?? PANELS[0]
  shown = chosen
  for (const name of PANELS) {
    document.getElementById(`${name}-panel`).hidden = name !== chosen
    const link = document.querySelector(`nav a[href="#${name}"]`)
    if (name === chosen) link.setAttribute('aria-current', 'page')
    else link.removeAttribute('aria-current')
  }
}

addEventListener('hashchange', showPanel)
showPanel()
startVerifyPanel()

try {
  const guest = await Guest.load('guest.wasm')
  document.getElementById('digest').textContent = guest.sha256 ?? 'not computed: browsers do so on https and localhost only'
  await startPreviewPanel(guest)
} catch (error) {
  document.getElementById('fields').replaceChildren(element('p', { class: 'failed' }, `The core could not be started: ${error.message}`))
}
document.documentElement.dataset.ready = 'true'
