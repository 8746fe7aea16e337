import * as http from 'node:http'
import * as https from 'node:https'

/** More than the receipts of one POST can be, or the keys for it. */
const MAX_ANSWER_BYTES = 4 << 20

/** Requests to the sidecar over a connection that is kept, by TCP or by a Unix socket. */
export class Transport {
  #request
  #options
  #base

  /** @param {{ url: URL, socketPath?: string, token?: string }} target */
  constructor({ url, socketPath, token }) {
    const { request, Agent } = url.protocol === 'https:' ? https : http
    this.#request = request
    this.#base = url.pathname
    /** For people. */
    this.address = socketPath === undefined ? url.host : `unix:${socketPath}`
    this.#options = {
      // One request at a time: there is an order to keep.
      agent: new Agent({ keepAlive: true, maxSockets: 1 }),
      ...(socketPath === undefined ? { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port } : { socketPath }),
      headers: {
        host: url.host,
        accept: 'application/x-ndjson, application/json, application/problem+json',
        ...(token === undefined ? undefined : { authorization: `Bearer ${token}` }),
      },
    }
  }

  /**
   * Resolves with `{ status, retryAfter, bytes }`; rejects with what Node says, or with a `TimedOut`.
   *
   * @param {{ path: string, type?: string, body?: string | Uint8Array, headers?: object }} wanted `path` is below the address of the API
   */
  ask({ path, type = 'application/x-ndjson', body, headers: more }, timeoutMs) {
    const method = body === undefined ? 'GET' : 'POST'
    const headers = { ...this.#options.headers, ...(body !== undefined && { 'content-type': type }), ...more }
    return new Promise((resolve, reject) => {
      const request = this.#request({ ...this.#options, method, path: this.#base + path, headers })
      const timer = setTimeout(() => request.destroy(new TimedOut('no whole answer in time')), Math.max(1, timeoutMs))
      const settled = (settle) => (value) => {
        clearTimeout(timer)
        settle(value)
      }
      request.on('error', settled(reject))
      request.on('response', (response) => {
        const chunks = []
        let length = 0
        response.on('data', (chunk) => {
          length += chunk.length
          if (length > MAX_ANSWER_BYTES) request.destroy(new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`))
          else chunks.push(chunk)
        })
        response.on('error', settled(reject))
        response.on('end', () => {
          const { statusCode: status, headers } = response
          settled(resolve)({ status, retryAfter: headers['retry-after'], bytes: whole(chunks) })
        })
      })
      request.end(body)
    })
  }

  close() {
    this.#options.agent.destroy()
  }
}

export class TimedOut extends Error {}

/** One copy only: it may be keys. */
function whole(chunks) {
  if (chunks.length === 1) return chunks[0]
  const bytes = Buffer.concat(chunks)
  for (const chunk of chunks) chunk.fill(0)
  return bytes
}
