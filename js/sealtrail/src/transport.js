import * as net from 'node:net'
import * as tls from 'node:tls'
import { Answer } from './answer.js'

/** What may stand in a request line or a header. */
const PRINTABLE = /^[\x20-\x7e]*$/

/**
 * Requests to the sidecar over a connection that is kept, by TCP or by a Unix socket: one at a time, since there is an order to
 * keep, and with the answer read whole.
 *
 * Over a socket itself, because Node's client makes streams and events of each request that cost more than all else there is to
 * a POST, and who awaits his records in a service that is not busy has a POST for each.
 */
export class Transport {
  #open
  #base
  #headers
  #socket
  /** Who waits, the one whose answer is awaited first. */
  #asked = []

  /** @param {{ url: URL, socketPath?: string, token?: string }} target */
  constructor({ url, socketPath, token }) {
    const host = url.hostname.replace(/^\[|\]$/g, '')
    const isTls = url.protocol === 'https:'
    const place = socketPath === undefined ? { host, port: Number(url.port || (isTls ? 443 : 80)) } : { path: socketPath }
    this.#open = isTls ? () => tls.connect({ ...place, servername: net.isIP(host) ? '' : host, ALPNProtocols: ['http/1.1'] }) : () => net.connect(place)
    this.#base = url.pathname
    this.#headers = `host: ${url.host}\r\naccept: application/x-ndjson, application/json, application/problem+json\r\n${token === undefined ? '' : `authorization: Bearer ${token}\r\n`}`
    /** For people. */
    this.address = socketPath === undefined ? url.host : `unix:${socketPath}`
  }

  /**
   * Resolves with `{ status, retryAfter, bytes }`; rejects with what Node says, or with a `TimedOut`.
   *
   * @param {{ path: string, type?: string, body?: string | Uint8Array, headers?: object }} wanted `path` is below the address of the API
   */
  ask(wanted, timeoutMs) {
    return new Promise((resolve, reject) => {
      const body = typeof wanted.body === 'string' ? Buffer.from(wanted.body) : wanted.body
      const asked = { head: this.#headOf(wanted, body), body, answer: new Answer(), resolve, reject }
      asked.timer = setTimeout(() => this.#fail(asked, new TimedOut('no whole answer in time')), Math.max(1, timeoutMs))
      this.#asked.push(asked)
      if (this.#asked.length === 1) this.#send(asked)
    })
  }

  close() {
    for (const { timer, reject } of this.#asked.splice(0)) {
      clearTimeout(timer)
      reject(lost())
    }
    this.#drop()
  }

  #headOf({ path, type = 'application/x-ndjson', headers }, body) {
    let head = `${body === undefined ? 'GET' : 'POST'} ${plain(this.#base + path)} HTTP/1.1\r\n${this.#headers}`
    if (body !== undefined) head += `content-type: ${type}\r\ncontent-length: ${body.length}\r\n`
    for (const name in headers) head += `${name}: ${plain(headers[name])}\r\n`
    return `${head}\r\n`
  }

  #send({ head, body }) {
    const socket = (this.#socket ??= this.#connected())
    socket.ref()
    socket.cork()
    socket.write(head, 'latin1')
    if (body !== undefined) socket.write(body)
    socket.uncork()
  }

  #connected() {
    const socket = this.#open()
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 1000)
    let failure
    socket.on('data', (bytes) => this.#read(socket, (answer) => answer.read(bytes) === bytes.length))
    socket.on('end', () => this.#read(socket, (answer) => {
      if (!answer.end()) throw lost()
      return true
    }))
    socket.on('error', (error) => (failure = error))
    socket.on('close', () => {
      if (this.#socket !== socket) return
      this.#socket = undefined
      if (this.#asked.length > 0) this.#fail(this.#asked[0], failure ?? lost())
    })
    return socket
  }

  /** What came of the answer that is awaited. */
  #read(socket, read) {
    if (this.#socket !== socket) return
    const [asked] = this.#asked
    // Nobody asked: what comes now is no answer to the next request.
    if (asked === undefined) return this.#drop()
    const { answer } = asked
    let isAll
    try {
      isAll = read(answer)
    } catch (error) {
      return this.#fail(asked, error)
    }
    if (!answer.isWhole) return
    if (!isAll || !answer.keepsConnection || socket.writableLength > 0) this.#drop()
    const { status, retryAfter, bytes } = answer
    this.#settle(asked)
    asked.resolve({ status, retryAfter, bytes })
  }

  #fail(asked, error) {
    // Its answer may still come.
    if (asked === this.#asked[0]) this.#drop()
    this.#settle(asked)
    asked.reject(error)
  }

  #settle(asked) {
    clearTimeout(asked.timer)
    const at = this.#asked.indexOf(asked)
    this.#asked.splice(at, 1)
    if (at === 0 && this.#asked.length > 0) this.#send(this.#asked[0])
    // A connection alone keeps no process.
    else if (this.#asked.length === 0) this.#socket?.unref()
  }

  #drop() {
    this.#socket?.destroy()
    this.#socket = undefined
  }
}

export class TimedOut extends Error {}

function lost() {
  return Object.assign(new Error('the connection ended without an answer'), { code: 'ECONNRESET' })
}

/** A line end in it would begin another header. */
function plain(text) {
  if (PRINTABLE.test(text)) return text
  throw new Error('what a request says must be printable ASCII')
}
