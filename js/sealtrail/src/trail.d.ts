import type { AttributeChange, DiffOptions, Json, PatchOperation, Preview } from './engine.js'
import type { SealtrailError } from './errors.js'

export interface Entity {
  type: string
  id: string | number | bigint
}

/**
 * The state of an entity: an object that JSON can carry, or its JSON text as a string or bytes (numbers then stay as
 * they are written). `null` says that there was none; `undefined` or a missing member says that it is not known.
 */
export type Image = object | string | Uint8Array | null | undefined

export interface Actor {
  type?: string | undefined
  id: string
  [claim: string]: unknown
}

export interface Context {
  /** 1 to 128 characters of `A-Z a-z 0-9 . _ : @ / + = -`. */
  correlationId?: string | undefined
  /** Which request of the sidecar's proxy it was: its header `x-sealtrail-request`, which the middleware keeps. */
  requestId?: string | undefined
  /** W3C Trace Context: the headers as they came. What cannot be read the middleware leaves out. */
  traceparent?: string | undefined
  tracestate?: string | undefined
  actor?: Actor | undefined
  service?: string | undefined
  tenant?: string | undefined
  /** When it happened; the time of `record` where it is not given. */
  time?: Date | string | undefined
  request?:
    | { method?: string | undefined; path?: string | undefined; ip?: string | undefined; userAgent?: string | UserAgent | undefined }
    | undefined
}

/** What a record keeps of a user agent. The sidecar makes it of the header, e.g. `Chrome`, `Windows 10`, `desktop`. */
export interface UserAgent {
  browser?: string | undefined
  os?: string | undefined
  device?: string | undefined
}

export type Action = 'create' | 'update' | 'delete'

export interface Change {
  /**
   * What this change is called: sent again under the same name, also by another process, it is not recorded again.
   * A new UUID where it is not given, so that what the package itself sends again is one record.
   */
  id?: string | undefined
  entity: Entity
  /** There are these three: another one is refused, with `unknown_action`. */
  action: Action
  before?: Image
  after?: Image
  /** Wins over the context of the request, member by member; what is `undefined` says nothing. */
  context?: Context | undefined
}

/**
 * Given when the record is on disk in the log (`spooled`: on the sidecar's disk, and on its way there), when there was
 * nothing to record (`unchanged`), or, with `onFailure: 'spool'`, when the change is on this service's disk (`held`).
 */
export interface Receipt {
  status: 'recorded' | 'spooled' | 'unchanged' | 'held'
  /** The record's id; of what is held, the id of the change. */
  id?: string
  /** The record's place in the log. */
  index?: number
  correlationId?: string
}

export interface TrailOptions<Request = any> {
  /** The API address of the sidecar: `http://127.0.0.1:8090`, or `unix:/run/sealtrail.sock`. */
  url: string
  /** The name of this service: the record's source. */
  service?: string | undefined
  tenant?: string | undefined
  /** Sent as a bearer token. */
  token?: string | undefined
  /** For `preview` in this process. The sidecar has its own. */
  policy?: Json | undefined
  /** Who acts, from the request that the middleware saw. Asked when a change is recorded, so after authentication. */
  actor?: ((request: Request) => Actor | null | undefined) | undefined
  /**
   * The sidecar proxies this service and saw the request, so a change carries the ids of it only. With `false`
   * the change says method, path, address and user agent itself. Default `true`.
   */
  behindProxy?: boolean | undefined
  /**
   * Parses the header of a request. The sidecar does that itself, so this is for changes that are sealed here: without it their
   * records have no user agent. What it throws on is left out.
   */
  userAgent?: ((header: string) => UserAgent | null | undefined) | undefined
  /**
   * What becomes of a change that the sidecar does not take. `drop`: it is an error when `timeoutMs` is over. `block`: it
   * is tried until it is taken, and whoever awaits it waits as long. `spool`: when `timeoutMs` is over it goes to this
   * service's disk, and to the sidecar when that is back, also after a restart of the service. Default `drop`.
   */
  onFailure?: 'drop' | 'block' | 'spool' | undefined
  /** With `onFailure: 'spool'`. */
  spool?: SpoolOptions | undefined
  /**
   * How long a change may wait for its receipt, all attempts together; with `block`, how long one attempt may take and
   * how long `close` waits. Default 30 000, with `spool` 2 000.
   */
  timeoutMs?: number | undefined
  /** Changes that may wait. Default 10 000. */
  maxQueue?: number | undefined
  /** Bytes that may wait. Default 64 MiB. */
  maxQueueBytes?: number | undefined
  /** `record` and `wrap` seal in this process, as `Trail.seal` does, so that no image leaves it. Default `false`. */
  seal?: boolean | undefined
  /** Told of every change that was not recorded. Default: a process warning. */
  onError?: ((error: SealtrailError) => void) | undefined
}

/** The changes in it are whole: with a `key` they are encrypted (AES-256-GCM), without one they are on this disk in clear. */
export type SpoolOptions = {
  /** Of this process alone; it is made where it is missing. */
  folder: string
  /** Past it changes are dropped, with the error `spool_full`. Default 64 MiB. */
  maxBytes?: number | undefined
} & ({ /** 32 bytes, from where the service keeps its secrets. */ key: Uint8Array; unencrypted?: never } | { key?: never; unencrypted: true })

/** A value of a record that was sealed. */
export interface RevealedValue {
  /** Pointer into the record. */
  at: string
  /** Pointer into the image, and which image: `old` or `new`; missing for what is of no image. */
  path?: string
  side?: string
  group: string
  value?: unknown
  /** Its key was destroyed; there is no `value`. */
  erased?: true
}

export interface Revealed<Values = RevealedValue[]> {
  /** The record's id. */
  record: string
  group: string
  values: Values
  /** The id and the place of the record that says who has seen it and why. */
  reveal: string
  revealIndex: number
}

export interface RevealOptions {
  /** The data group to open. */
  group: string
  /** Why; it goes into the log. */
  reason: string
}

/**
 * What became of the changes since this trail was made. Each that it was given, and each that its spool held then, is in
 * one of `queued`, `held`, `recorded`, `unchanged` and `failed`.
 */
export interface TrailStats {
  /** On the way in memory. */
  queued: number
  /** On this service's disk, with `onFailure: 'spool'`; to be sent. */
  held: number
  /** On disk in the log, or on the sidecar's. */
  recorded: number
  /** Nothing differed, so there is no record of it. */
  unchanged: number
  /**
   * Without a receipt: refused by this package (`missing_field`) or by the sidecar (`forbidden`), or dropped. `onError` was
   * told of each, and who awaited it has the error. After `delivery_timeout` or `unexpected_response` there may still be
   * a record: nobody confirmed it.
   */
  failed: number
  /** Those of `failed` that nobody refused: there was no room (`queue_full`, `spool_full`), no time or no disk. */
  dropped: number
  /** POSTs that were sent again; no changes. */
  retries: number
}

export interface Trail {
  /**
   * Sends one change. Resolves when its record is on disk in the log. Not awaiting it is fine: it is sent all the same,
   * and a failure goes to `onError`.
   *
   * @example
   * await trail.record({ entity: { type: 'customer', id: 3 }, action: 'update', before, after })
   */
  record(change: Change): Promise<Receipt>

  /**
   * As `record`, but sealed in this process, with keys that the sidecar leases for this one record: no image leaves the
   * process. Wants a token of the role `sealer`. The context of the request goes along, since nobody joins it later.
   *
   * @example
   * await trail.seal({ entity: { type: 'customer', id: 3 }, action: 'update', before, after })
   */
  seal(change: Change): Promise<Receipt>

  /**
   * Opens what is sealed in a record, in this process: its line, or its id (then also the role `reader` is wanted). Wants a
   * token of a `revealer` of the group. Every reveal is a record in the log before its keys are given.
   *
   * @example
   * const { values } = await trail.reveal(line, { group: 'contact', reason: 'ticket 4711' })
   */
  reveal(record: string | Uint8Array, options: RevealOptions & { raw?: false | undefined }): Promise<Revealed>
  reveal(record: string | Uint8Array, options: RevealOptions & { raw: true }): Promise<Revealed<string>>

  /**
   * Takes the before image with `load`, runs `change`, takes the after image, records the difference. Nothing that `load`
   * finds is `null`. Where `change` throws, nothing is recorded; where the image after it cannot be taken, that is a failure as
   * of `record` (`image_failed`), since the change was made. An error of the record has what the change gave as `made`.
   *
   * @example
   * try {
   *   await trail.wrap({ type: 'product', id }, () => db.find(id), () => db.update(id, body))
   * } catch (error) {
   *   if (!(error instanceof SealtrailError && error.made)) throw error
   *   console.log('updated, and not recorded:', error.code) // what `db.update` gave is `error.made.result`
   * }
   */
  wrap<Result>(
    entity: Entity,
    load: () => Image | Promise<Image>,
    change: () => Result | Promise<Result>,
  ): Promise<{ result: Result; receipt: Receipt }>

  /**
   * Runs `callback` so that everything it records belongs to `context`: for jobs and queues. It is in the place of a context that
   * is there already; `{ ...trail.context, actor }` adds to that.
   *
   * @example
   * const correlationId = 'nightly-2026-11-21'
   * await trail.run({ correlationId, actor: { type: 'job', id: 'restock' } }, () => trail.record({ entity, action: 'update', before, after }))
   */
  run<Args extends unknown[], Result>(context: Context, callback: (...args: Args) => Result, ...args: Args): Result

  /**
   * The context of the request or job that is running.
   *
   * @example
   * console.log('answering', trail.context?.correlationId)
   */
  readonly context: Context | undefined

  /**
   * What differs between two values, as `Engine.diff`. Nothing is sent.
   *
   * @example
   * trail.diff({ title: 'a' }, { title: 'b' })
   * // [{ op: 'replace', path: '/title', old: 'a', new: 'b' }]
   */
  diff(before: Json, after: Json, options?: DiffOptions & { format?: 'changes' | undefined; raw?: false | undefined }): AttributeChange[]
  diff(before: Json, after: Json, options: DiffOptions & { format: 'patch'; raw?: false | undefined }): PatchOperation[]
  diff(before: Json, after: Json, options: DiffOptions & ({ format: 'text' | 'words' } | { raw: true })): string
  diff(before: Json, after: Json, options?: DiffOptions): AttributeChange[] | PatchOperation[] | string

  /**
   * What would be stored of a change, and which rule decided for every field. Nothing is sent. Of a user agent there are the
   * parts that a record keeps: as `userAgent` of this trail reads them, else with `(read by the sidecar)` in their place. A
   * change that is text or bytes is previewed as it is written.
   *
   * @example
   * const { record, fields } = trail.preview({ entity, action: 'update', before, after }, { policy })
   */
  preview(change: Change, options?: { policy?: Json | undefined; raw?: false | undefined }): Preview
  preview(change: Change, options: { policy?: Json | undefined; raw: true }): string
  preview(change: Change, options?: { policy?: Json | undefined; raw?: boolean | undefined }): Preview | string

  /**
   * What became of the changes so far, for metrics.
   *
   * @example
   * const { queued, failed } = trail.stats()
   */
  stats(): TrailStats

  /**
   * Takes no further changes; resolves when every one that waits has its receipt or its error. What is held stays on
   * disk where the sidecar does not take it.
   *
   * @example
   * process.once('SIGTERM', async () => {
   *   await trail.close()
   *   process.exit()
   * })
   */
  close(): Promise<void>
}

/**
 * Reads the options, loads the core and opens the spool, if there is one. The sidecar need not be up yet.
 *
 * @example
 * const shop = await createTrail({
 *   url: 'http://127.0.0.1:8090',
 *   service: 'shop',
 *   actor: (req) => req.user && { type: 'user', id: req.user.id },
 * })
 */
export declare function createTrail<Request = any>(options: TrailOptions<Request>): Promise<Trail>
