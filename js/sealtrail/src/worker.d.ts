import type {
  AttributeChange, AttributeRow, DiffOptions, Finding, Json, PatchOperation, Preview, RowsOptions, TextDifference,
} from './engine.js'

/** The methods of `Engine` that may take long, each with a promise. What is an object is written as text in this thread. */
export interface EngineWorker {
  diff(before: Json, after: Json, options?: DiffOptions & { format?: 'changes' | undefined; raw?: false | undefined }): Promise<AttributeChange[]>
  diff(before: Json, after: Json, options: DiffOptions & { format: 'patch'; raw?: false | undefined }): Promise<PatchOperation[]>
  diff(before: Json, after: Json, options: DiffOptions & ({ format: 'text' | 'words' } | { raw: true })): Promise<string>
  diff(before: Json, after: Json, options?: DiffOptions): Promise<AttributeChange[] | PatchOperation[] | string>
  rows(line: Json, options?: RowsOptions & { format?: 'json' | undefined }): Promise<AttributeRow[]>
  rows(line: Json, options: RowsOptions & { format: 'ndjson' | 'csv' }): Promise<string>
  rows(line: Json, options?: RowsOptions): Promise<AttributeRow[] | string>
  textDifference(before: string, after: string, options?: { unit?: 'word' | 'line' | undefined }): Promise<TextDifference>
  preview(policy: Json, change: object | string | Uint8Array, context?: object, options?: { raw?: false | undefined }): Promise<Preview>
  preview(policy: Json, change: object | string | Uint8Array, context: object | undefined, options: { raw: true }): Promise<string>
  preview(policy: Json, change: object | string | Uint8Array, context?: object, options?: { raw?: boolean | undefined }): Promise<Preview | string>
  lint(policy: Json, samples?: Json[]): Promise<Finding[]>
  /** Ends the thread; whoever waits gets the error `worker_failed`. */
  close(): Promise<void>
}

/**
 * The core in a thread of its own (a worker thread of Node, a web worker of a page), so that megabytes are compared
 * while this thread goes on. In Node it does not keep the process alive.
 *
 * @example
 * import { startWorker } from 'sealtrail/worker'
 *
 * const worker = startWorker()
 * const changes = await worker.diff('{"stock":4}', '{"stock":3}')
 * await worker.close()
 */
export declare function startWorker(): EngineWorker
