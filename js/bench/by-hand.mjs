// What a service does today that keeps its audit trail by itself, written well: the request's correlation id and user in an
// AsyncLocalStorage, both images as one line of JSON, and one write and sync for all lines that wait. As much as the
// package does in the service: what it leaves to the sidecar (difference, sealing, proofs) is not done here at all.
import { AsyncLocalStorage } from 'node:async_hooks'
import { randomUUID } from 'node:crypto'
import { open } from 'node:fs/promises'

const storage = new AsyncLocalStorage()

export function expressMiddleware(req, res, next) {
  storage.run(contextOf(req, res), next)
}

export function fastifyHook(request, reply, next) {
  storage.run(contextOf(request, reply.raw), next)
}

/** An audit file; `record` resolves when its line is on disk. */
export async function auditFile(path, actorOf) {
  const file = await open(path, 'a')
  let waiting = []
  let isWriting = false

  async function write() {
    isWriting = true
    while (waiting.length > 0) {
      const taken = waiting
      waiting = []
      try {
        await file.appendFile(taken.map(({ line }) => line).join(''))
        await file.datasync()
        for (const { resolve, id } of taken) resolve(id)
      } catch (error) {
        for (const { reject } of taken) reject(error)
      }
    }
    isWriting = false
  }

  return {
    get waiting() {
      return isWriting
    },
    record(change) {
      const { correlationId, request } = storage.getStore()
      const id = randomUUID()
      const line = `${JSON.stringify({ id, time: new Date().toISOString(), service: 'shop', correlationId, actor: actorOf(request), ...change })}\n`
      return new Promise((resolve, reject) => {
        waiting.push({ line, id, resolve, reject })
        // What is recorded in the same turn goes in the same write.
        if (!isWriting) (isWriting = true), queueMicrotask(write)
      })
    },
  }
}

function contextOf(request, response) {
  const correlationId = request.headers['x-request-id'] ?? randomUUID()
  response.setHeader('x-correlation-id', correlationId)
  return { correlationId, request }
}
