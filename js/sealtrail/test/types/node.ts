import { createServer } from 'node:http'
import { Inject, Module } from '@nestjs/common'
import type { DynamicModule } from '@nestjs/common'
import express from 'express'
import type { Request } from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { createTrail, ERROR_CODES, loadEngine, SealtrailError, verifyProof } from 'sealtrail'
import type {
  Action, AttributeChange, AttributeRow, DiffOptions, ErrorCode, PatchOperation, Preview, Receipt, RowsOptions, Trail,
} from 'sealtrail'
import { middleware } from 'sealtrail/express'
import { plugin } from 'sealtrail/fastify'
import { middleware as forHono } from 'sealtrail/hono'
import { listener } from 'sealtrail/http'
import { middleware as forKoa } from 'sealtrail/koa'
import { SealtrailModule, TRAIL } from 'sealtrail/nest'

interface User { id: string; email: string }

const trail: Trail = await createTrail<Request & { user?: User }>({
  url: 'http://127.0.0.1:8090',
  service: 'shop',
  actor: (request) => request.user && { type: 'user', id: request.user.id, email: request.user.email },
  onError: (error) => console.error(error.code),
})

const app = express()
app.use(middleware(trail))

const server = fastify()
await server.register(plugin, { trail })
// @ts-expect-error the plugin needs a trail
await server.register(plugin, {})

new Hono().use(forHono(trail))
const koa: (ctx: { ip: string }, next: () => Promise<void>) => Promise<void> = forKoa(trail)
createServer(listener(trail, (req, res) => void res.end(req.url)))
// @ts-expect-error the listener gets a request
createServer(listener(trail, (req: string) => {}))

const module: DynamicModule = SealtrailModule.forRoot(trail)
Module({ imports: [module] })(class {})
Inject(TRAIL)

class Product { constructor(readonly id: number, readonly title: string) {} }
const receipt: Receipt = await trail.record({
  entity: { type: 'product', id: 1 }, action: 'update', before: new Product(1, 'a'), after: '{"id":1}',
})
const id: string | undefined = receipt.id
await trail.record({ entity: { type: 'product', id: 1n }, action: 'create', before: null, after: new Uint8Array() })
const action: Action = 'delete'
await trail.record({ entity: { type: 'product', id: 1n }, action, before: {}, after: null })

// @ts-expect-error there is no such action
await trail.record({ entity: { type: 'product', id: 1 }, action: 'archive', before: {}, after: {} })
// @ts-expect-error an entity has a type
await trail.record({ entity: { id: 1 }, action: 'update' })
// @ts-expect-error a misspelt image would be an unknown one
await trail.record({ entity: { type: 'x', id: 1 }, action: 'update', befor: {} })
// @ts-expect-error a number is no image
await trail.record({ entity: { type: 'x', id: 1 }, action: 'update', before: 1 })
// @ts-expect-error a misspelt option
await createTrail({ url: 'http://x', servise: 'shop' })

const sealed: Receipt = await trail.seal({ entity: { type: 'x', id: 1 }, action: 'create', before: null, after: {} })
const why = { group: 'contact', reason: 'ticket 4711' }
const opened: unknown = (await trail.reveal(sealed.id ?? '', why)).values[0]?.value
const asText: string = (await trail.reveal(new Uint8Array(), { ...why, raw: true })).values
// @ts-expect-error a reveal has a reason
await trail.reveal('', { group: 'contact' })
const { result }: { result: number } = await trail.wrap({ type: 'x', id: 1 }, async () => ({}), () => 7)
const sum: number = trail.run({ correlationId: 'job', traceparent: '00' }, (a: number, b: number) => a + b, 1, 2)
// @ts-expect-error the arguments of the callback are checked
trail.run({}, (a: number) => a, 'text')

const path: string | undefined = trail.diff({ a: 1 }, { a: 2 })[0]?.path
const operation = trail.diff('{}', '{}', { format: 'patch' })[0]?.value
const text: string = trail.diff('{}', '{}', { format: 'text' })
const raw: string = trail.preview({ entity: { type: 'x', id: 1 }, action: 'update' }, { raw: true })
const rule: string | undefined = trail.preview({ entity: { type: 'x', id: 1 }, action: 'update' }).fields[0]?.because

const engine = await loadEngine()
const findings: string[] = engine.lint({ id: 'shop' }, ['{}']).map((finding) => `${finding.severity} ${finding.path ?? finding.at}`)
const patch = engine.diff({}, {}, { format: 'patch', tests: true })[0]?.op
const words: ['=' | '-' | '+', string][] | undefined = engine.diff({}, {}, { words: true })[0]?.words
const sentences: string = engine.diff({}, {}, { format: 'words', entity: 'x/1' })
// @ts-expect-error a misspelt option
engine.diff({}, {}, { format: 'patch', test: true })
const cell: string | null | undefined = engine.rows('{"data":{}}')[0]?.current_value
const csv: string = engine.rows('{"data":{}}', { format: 'csv', header: false })
// Options that were made elsewhere do not say which form they ask for.
type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const elsewhere: { diff: DiffOptions; rows: RowsOptions; preview: { raw?: boolean } } = { diff: {}, rows: {}, preview: {} }
const any1 = engine.diff({}, {}, elsewhere.diff)
const any2 = trail.diff({}, {}, elsewhere.diff)
const any3 = engine.rows({}, elsewhere.rows)
const any4 = engine.preview({}, '{}', {}, elsewhere.preview)
const any5 = trail.preview({ entity: { type: 'x', id: 1 }, action: 'update' }, elsewhere.preview)
type Rendered = AttributeChange[] | PatchOperation[] | string
const unions: [
  Equal<typeof any1, Rendered>, Equal<typeof any2, Rendered>, Equal<typeof any3, AttributeRow[] | string>,
  Equal<typeof any4, Preview | string>, Equal<typeof any5, Preview | string>,
] = [true, true, true, true, true]
const lines: string[] = [
  engine.diff({}, {}, { raw: true }), engine.diff({}, {}, { format: 'patch', raw: true }), engine.diff({}, {}, { format: 'words', raw: false }),
  trail.diff({}, {}, { raw: true }), engine.rows({}, { format: 'ndjson' }), engine.preview({}, '{}', {}, { raw: true }),
]
// What may be undefined goes where an option may be absent.
const maybe: { policy?: string; raw?: false; format?: 'changes' } = {}
const given: AttributeChange[] = engine.diff({}, {}, { policy: maybe.policy, raw: maybe.raw, format: maybe.format })
const header: string = engine.rows({}, { format: 'csv', header: undefined })
const context: string | undefined = trail.context?.request?.method
const coarse: boolean = engine.textDifference('a', 'b', { unit: 'line' }).coarse
const digest: string = engine.policySummary({ id: 'shop' }).sha256
const index: number = (await verifyProof('', new Uint8Array(), '')).index
const cosignature: { name: string; time: number } | undefined = (await verifyProof('', '', '', { witnessPolicy: '' })).witnesses[0]
const maybeAsked = await verifyProof('', '', '', { witnessPolicy: process.env.WITNESS_POLICY })
// @ts-expect-error there are witnesses where somebody asked for them
void maybeAsked.witnesses
// @ts-expect-error a sealing policy is an object, a witness policy is a text
engine.verifyProof('', '', '', { witnessPolicy: { id: 'shop' } })

function told(error: unknown): ErrorCode | undefined {
  if (!(error instanceof SealtrailError)) return undefined
  // @ts-expect-error not a code
  if (error.code === 'queue_ful') return undefined
  return ERROR_CODES.find((code) => code === error.code)
}
function gave(error: SealtrailError): number {
  // @ts-expect-error what a change gave is nothing that this package knows
  const unknown: number = error.made?.result
  return typeof error.made?.result === 'number' ? error.made.result : unknown
}
await trail.close()
void [unions, lines, given, header, context, id, result, sum, path, operation, text, raw, rule, findings, patch, words, sentences, cell, csv, coarse, digest, index, cosignature, told, gave, koa]
