import { Worker } from 'node:worker_threads'
import { EngineWorker } from './worker.js'

export function startWorker() {
  const thread = new Worker(new URL('./worker-thread.node.js', import.meta.url), { execArgv: [] })
  // It keeps the process only while somebody waits for it.
  thread.unref()
  return new EngineWorker({
    post: (message) => thread.postMessage(message),
    listen: (told, failed) => thread.on('message', told).on('error', failed).on('exit', (status) => failed(new Error(`ended with ${status}`))),
    keep: (is) => (is ? thread.ref() : thread.unref()),
    end: () => thread.terminate(),
  })
}
