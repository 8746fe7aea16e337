import { EngineWorker } from './worker.js'

export function startWorker() {
  // Bundlers know this form, and only this.
  const thread = new Worker(new URL('./worker-thread.browser.js', import.meta.url), { type: 'module' })
  return new EngineWorker({
    post: (message) => thread.postMessage(message),
    listen(told, failed) {
      thread.onmessage = ({ data }) => told(data)
      thread.onerror = (event) => failed(new Error(event.message ?? 'the script of the worker could not be loaded'))
    },
    keep() {},
    end: () => thread.terminate(),
  })
}
