import express from 'express'
import { SealtrailError } from 'sealtrail'
import { middleware } from 'sealtrail/express'
import { authenticate } from './authenticate.js'
import { resource } from './resource.js'

export function createApp({ trail, secret }) {
  const app = express()
  app.disable('x-powered-by')
  app.get('/healthz', (_req, res) => res.json({ status: 'ok' }))
  app.use(middleware(trail), authenticate(secret), express.json())
  app.use('/products', resource('product', trail))
  app.use('/customers', resource('customer', trail))
  app.use((_req, res) => res.status(404).json({ error: 'not found' }))
  app.use(answerError)
  return app
}

function answerError(error, _req, res, next) {
  if (res.headersSent) return next(error)
  // The change was taken back because its record could not be written.
  if (error instanceof SealtrailError) return res.status(503).json({ error: 'not recorded', code: error.code })
  res.status(error.status ?? 500).json({ error: error.expose ? error.message : 'failed' })
}
