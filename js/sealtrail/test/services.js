import 'reflect-metadata'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { serve } from '@hono/node-server'
import { Body, Controller, HttpCode, Injectable, Module, Param, Put, UseGuards } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { middleware as forExpress } from 'sealtrail/express'
import { plugin } from 'sealtrail/fastify'
import { middleware as forHono } from 'sealtrail/hono'
import { listener } from 'sealtrail/http'
import { middleware as forKoa } from 'sealtrail/koa'
import { SealtrailModule, TRAIL } from 'sealtrail/nest'

/**
 * One service in every framework: `PUT /products/:id` records under the user of `x-user`, who is known only after some
 * waiting, and answers with what it saw; `/products/throws` fails, `/products/unawaited` does not wait for its record.
 */
async function update(trail, id, body) {
  if (id === 'throws') throw new Error('no such product')
  if (id === 'unawaited') {
    trail.record({ entity: { type: 'product', id }, action: 'create', before: null, after: body })
    return { seen: trail.context.correlationId, body }
  }
  await sleep(Math.random() * 8)
  await new Promise((resume) => setImmediate(resume))
  await nested(trail, id)
  return { seen: trail.context.correlationId, body }
}

/** Two changes, side by side, each lost in timers and promises before it is recorded. */
async function nested(trail, id) {
  const record = async (n) => {
    await Promise.all([sleep(Math.random() * 4), null])
    return trail.record({ entity: { type: 'product', id }, action: 'update', before: { n }, after: { n: n + 1 } })
  }
  await Promise.all([record(0), record(1)])
}

const identify = async (headers) => {
  await sleep(Math.random() * 4)
  return headers['x-user']
}

async function startExpress(trail) {
  const app = express()
  app.use(forExpress(trail), express.json())
  app.use(async (req, _res, next) => {
    req.user = await identify(req.headers)
    next()
  })
  app.put('/products/:id', async (req, res) => void res.json(await update(trail, req.params.id, req.body)))
  // Express would print the error.
  app.use((_error, _req, res, _next) => res.status(500).json({}))
  return started(app.listen(0, '127.0.0.1'))
}

async function startFastify(trail) {
  const app = fastify()
  await app.register(plugin, { trail })
  app.addHook('preHandler', async (request) => {
    request.user = await identify(request.headers)
  })
  app.put('/products/:id', (request) => update(trail, request.params.id, request.body))
  await app.listen({ port: 0, host: '127.0.0.1' })
  return { port: app.server.address().port, stop: () => app.close() }
}

async function startKoa(trail) {
  const app = new Koa()
  app.silent = true
  app.use(forKoa(trail))
  app.use(async (ctx, next) => {
    ctx.user = await identify(ctx.headers)
    await next()
  })
  app.use(async (ctx) => {
    ctx.body = await update(trail, ctx.path.split('/')[2], JSON.parse((await ctx.req.toArray()).join('')))
  })
  return started(app.listen(0, '127.0.0.1'))
}

async function startHono(trail) {
  const app = new Hono()
  app.use(forHono(trail))
  app.use(async (c, next) => {
    c.set('user', await identify(c.req.header()))
    await next()
  })
  app.put('/products/:id', async (c) => new Response(JSON.stringify(await update(trail, c.req.param('id'), await c.req.json()))))
  app.onError((_error, c) => c.json({}, 500))
  return started(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }))
}

async function startHttp(trail) {
  return started(createServer(listener(trail, async (req, res) => {
    try {
      req.user = await identify(req.headers)
      const body = JSON.parse((await req.toArray()).join(''))
      res.end(JSON.stringify(await update(trail, req.url.split(/[/?]/)[2], body)))
    } catch {
      res.writeHead(500).end('{}')
    }
  })).listen(0, '127.0.0.1'))
}

const startNest = (...adapter) => async (trail) => {
  const app = await NestFactory.create(nestModule(trail), ...adapter.map((Adapter) => new Adapter()), { logger: false })
  await app.listen(0, '127.0.0.1')
  return { port: app.getHttpServer().address().port, stop: () => app.close() }
}

/** What decorators would say, without a compiler. */
function nestModule(trail) {
  class Guard {
    async canActivate(context) {
      const request = context.switchToHttp().getRequest()
      request.user = await identify(request.headers)
      return true
    }
  }
  Injectable()(Guard)

  class Products {
    constructor(trail) {
      this.trail = trail
    }
    put(id, body) {
      return update(this.trail, id, body)
    }
  }
  Reflect.defineMetadata('self:paramtypes', [{ index: 0, param: TRAIL }], Products)
  Reflect.defineMetadata('design:paramtypes', [Object], Products)
  Param('id')(Products.prototype, 'put', 0)
  Body()(Products.prototype, 'put', 1)
  const method = Object.getOwnPropertyDescriptor(Products.prototype, 'put')
  for (const decorate of [Put(':id'), HttpCode(200), UseGuards(Guard)]) decorate(Products.prototype, 'put', method)
  Controller('products')(Products)

  class App {}
  Module({ imports: [SealtrailModule.forRoot(trail)], controllers: [Products] })(App)
  return App
}

async function started(server) {
  if (!server.listening) await once(server, 'listening')
  return {
    port: server.address().port,
    stop: () => {
      server.closeAllConnections()
      return new Promise((done) => server.close(done))
    },
  }
}

/** By name: how to start it, and who acts, of what the framework hands to `actor`. */
export const SERVICES = {
  express: { start: startExpress, user: (req) => req.user },
  fastify: { start: startFastify, user: (request) => request.user },
  koa: { start: startKoa, user: (ctx) => ctx.user },
  hono: { start: startHono, user: (c) => c.get('user') },
  'nest on express': { start: startNest(), user: (req) => req.user },
  'nest on fastify': { start: startNest(FastifyAdapter), user: (request) => request.user },
  'node:http': { start: startHttp, user: (req) => req.user },
}

/** Services that leave a request of Node, and its response, to `handle`. */
export const LISTENING = {
  'node:http': (trail, handle) => started(createServer(listener(trail, handle)).listen(0, '127.0.0.1')),
  express: (trail, handle) => started(express().use(forExpress(trail), handle).listen(0, '127.0.0.1')),
  koa(trail, handle) {
    const app = new Koa().use(forKoa(trail)).use((ctx) => {
      ctx.respond = false
      handle(ctx.req, ctx.res)
    })
    return started(app.listen(0, '127.0.0.1'))
  },
  async fastify(trail, handle) {
    const app = fastify()
    await app.register(plugin, { trail })
    // Before anything reads the body.
    app.addHook('onRequest', (request, reply, _next) => {
      reply.hijack()
      handle(request.raw, reply.raw)
    })
    app.put('/', () => {})
    await app.listen({ port: 0, host: '127.0.0.1' })
    return { port: app.server.address().port, stop: () => app.close() }
  },
}
