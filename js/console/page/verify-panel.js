import { verifyProof } from './package/src/proof.browser.js'
import { element } from './element.js'

const byId = (id) => document.getElementById(id)

/** The checks in the order in which they are made, and the error that says that this one failed. */
const CHECKS = [
  { code: 'proof_malformed', name: 'The proof and the key can be read' },
  { code: 'proof_foreign', name: 'The checkpoint is of the log that the key belongs to' },
  { code: 'proof_bad_signature', name: 'The signature of the checkpoint is the key\'s' },
  { code: 'proof_mismatch', name: 'The record is in the tree that the checkpoint covers' },
]

export function startVerifyPanel() {
  const texts = ['line', 'proof', 'vkey'].map(byId)
  for (const text of texts) takeDroppedFile(text)
  byId('verify-form').addEventListener('submit', async (event) => {
    event.preventDefault()
    const [line, proof, vkey] = texts.map(({ value }) => value)
    byId('verdict').replaceChildren(...(await verdict(line.replace(/\r?\n$/, ''), proof, vkey)))
  })
}

async function verdict(line, proof, vkey) {
  try {
    const { origin, index, size } = await verifyProof(proof, line, vkey)
    return [
      element('h3', { class: 'passed' }, 'Verified'),
      element('p', {}, `This is record ${index} of ${origin}, byte for byte, in a log of ${size} records.`),
      checks(CHECKS.length),
    ]
  } catch (error) {
    const failed = CHECKS.findIndex(({ code }) => code === error.code)
    return [element('h3', { class: 'failed' }, 'Not verified'), element('p', {}, error.message), ...(failed < 0 ? [] : [checks(failed)])]
  }
}

function checks(passed) {
  const items = CHECKS.map(({ name }, number) => {
    const outcome = number < passed ? 'passed' : number === passed ? 'failed' : 'not checked'
    return element('li', {}, element('span', { class: `badge ${outcome.replace(' ', '-')}` }, outcome), ` ${name}`)
  })
  return element('ol', { class: 'checks' }, ...items)
}

function takeDroppedFile(text) {
  text.addEventListener('dragover', (event) => event.preventDefault())
  text.addEventListener('drop', async (event) => {
    const [file] = event.dataTransfer.files
    if (!file) return
    event.preventDefault()
    text.value = await file.text()
  })
}
