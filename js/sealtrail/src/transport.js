import * as http from 'node:http'
import * as https from 'node:https'

/** More than the receipts of one POST can be. */
const MAX_ANSWER_BYTES = 4 << 20

/** POSTs to the sidecar over a connection that is kept, by TCP or by a Unix socket. */
export class Transport {
  #request
  #options

  /** @param {{ url: URL, socketPath?: string, token?: string }} target */
  constructor({ url, socketPath, token }) {
    const { request, Agent } = url.protocol === 'https:' ? https : http
    this.#request = request
    this.#options = {
      method: 'POST',
      // There is one POST at a time.
      agent: new Agent({ keepAlive: true, maxSockets: 1 }),
      ...(socketPath === undefined ? { host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port } : { socketPath }),
      path: url.pathname + url.search,
      headers: {
        host: url.host,
        'content-type': 'application/x-ndjson',
        accept: 'application/x-ndjson, application/problem+json',
        ...(token === undefined ? undefined : { authorization: `Bearer ${token}` }),
      },
    }
  }

  /** Resolves with `{ status, retryAfter, text }`; rejects with what Node says, or with a `TimedOut`. */
  post(body, timeoutMs) {
    return new Promise((resolve, reject) => {
      const request = this.#request(this.#options)
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
          settled(resolve)({ status, retryAfter: headers['retry-after'], text: Buffer.concat(chunks).toString() })
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
