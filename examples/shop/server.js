import { createTrail } from 'sealtrail'
import { createApp } from './app.js'

const { PORT = '3000', SEALTRAIL_URL = 'http://127.0.0.1:8090', JWT_SECRET } = process.env
if (!JWT_SECRET) {
  console.error('shop: JWT_SECRET is not set; any text of 32 characters or more will do')
  process.exit(2)
}

const trail = await createTrail({
  url: SEALTRAIL_URL,
  service: 'shop',
  actor: ({ user }) => user && { type: 'user', id: user.sub },
})

const server = createApp({ trail, secret: JWT_SECRET }).listen(Number(PORT), '127.0.0.1', () => {
  console.log(`shop: http://127.0.0.1:${server.address().port}, changes go to ${SEALTRAIL_URL}`)
})

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, () => {
    server.close(async () => {
      await trail.close()
      process.exit(0)
    })
    server.closeIdleConnections()
  })
}
