import assert from 'node:assert/strict'
import express from 'express'
import { createTrail } from 'sealtrail'
import { middleware } from 'sealtrail/express'

const trail = await createTrail({
  url: 'http://127.0.0.1:41731', // the sidecar's API
  service: 'shop',
  actor: (req) => req.user && { type: 'user', id: req.user.id },
})

const customers = new Map([['3', { email: 'ada@example.com' }]])
const app = express()
app.use(middleware(trail), express.json())
app.put('/customers/:id', async (req, res) => {
  const { id } = req.params
  const before = customers.get(id) ?? null
  const after = { ...before, ...req.body }
  customers.set(id, after)
  const receipt = await trail.record({ entity: { type: 'customer', id }, action: 'update', before, after })
  res.json({ ...after, record: receipt.id })
})
const server = app.listen(0, '127.0.0.1')

    const { once } = await import('node:events')
    await once(server, 'listening')
    const response = await fetch('http://127.0.0.1:' + server.address().port + '/customers/3', {
      method: 'PUT', headers: { 'content-type': 'application/json', 'x-request-id': 'order-77' }, body: '{"email":"ada@example.org"}',
    })
    console.log(JSON.stringify(await response.json()))
    server.close(); server.closeAllConnections()