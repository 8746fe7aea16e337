import assert from 'node:assert/strict'
import Koa from 'koa'
import { createTrail } from 'sealtrail'
import { middleware } from 'sealtrail/koa'

const trail = await createTrail({
  url: 'http://127.0.0.1:41731',
  service: 'shop',
  actor: (ctx) => ctx.state.user && { type: 'user', id: ctx.state.user.sub }, // of the JWT that was verified further down
})
const app = new Koa()
app.use(middleware(trail))
