// node bench/logs.mjs [SECONDS]: what it costs to keep personal data out of the logs of pino: nothing done, pino's own
// `redact` with the paths that a developer lists, `sealtrail/pino` with a policy, and the same work done by hand with
// `formatters.log`. Prints microseconds of CPU for a line as JSON.
import pino from 'pino'
import { redact } from 'sealtrail/pino'
import { measure } from './measure.mjs'

const seconds = Number(process.argv[2] ?? 3)
const destination = { write() {} }

const policy = {
  id: 'shop', version: '1', default: 'keep',
  rules: [
    ...['email', 'name', 'phone', 'street'].map((name) => ({ select: `$.customer.${name}`, action: 'seal', group: 'contact' })),
    { select: '$.items[*].note', action: 'seal', group: 'notes' },
  ],
}
const paths = ['order.customer.email', 'order.customer.name', 'order.customer.phone', 'order.customer.street', 'order.items[*].note']

const customer = { id: 7, email: 'ada@example.org', name: 'Ada Lovelace', phone: '+44 20 7946 0018', street: '12 St James Square', tier: 'gold' }
const items = (count) => Array.from({ length: count }, (_, n) => ({ sku: `sku-${n}`, quantity: n, price: 9.99, note: 'leave it with the neighbour' }))
const LINES = { small: { order: { id: 1, customer, items: items(1) } }, large: { order: { id: 1, customer, items: items(20) } } }

const streamWrite = await redact(policy)
const results = {}
for (const [size, logged] of Object.entries(LINES)) {
  const byHand = ({ order: { customer: { email, name, phone, street, ...shown }, items, ...order } }) => ({
    order: { ...order, customer: shown, items: items.map(({ note, ...item }) => item) },
  })
  const loggers = {
    'nothing done': pino({}, destination),
    'pino, redact': pino({ redact: { paths, censor: '[redacted]' } }, destination),
    'by hand in formatters.log': pino({ formatters: { log: byHand } }, destination),
    'sealtrail/pino': pino({ hooks: { streamWrite } }, destination),
  }
  const contenders = Object.fromEntries(Object.entries(loggers).map(([name, log]) => [name, () => log.info(logged, 'order saved')]))
  results[size] = { bytes: lengthOf(logged), ...measure(contenders, seconds) }
}
console.log(JSON.stringify(results, null, 1))

function lengthOf(logged) {
  let length
  pino({}, { write: (line) => (length = line.length) }).info(logged, 'order saved')
  return length
}
