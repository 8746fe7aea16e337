/** As much as Node's own client takes. */
const MAX_HEAD_BYTES = 16 << 10
/** More than the receipts of one POST can be, or the keys for it. */
const MAX_ANSWER_BYTES = 4 << 20

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: |$)/
const FIELD_LINE = /^([!#$%&'*+.^_`|~0-9a-z-]+):[ \t]*(.*?)[ \t]*$/i
const CHUNK_SIZE = /^([0-9a-f]{1,8})[ \t]*(?:;|$)/i
const LINE_END = 0x0a

/**
 * One answer of HTTP/1.1 (RFC 9112), read as its bytes come, however they are cut:
 *
 *     status-line CRLF *( field-line CRLF ) CRLF body
 *
 * The body ends where `Content-Length` says, behind the last chunk of `Transfer-Encoding: chunked`, or with the connection. An
 * answer that says two of these, or something else, is an error: where it ends the next one begins.
 */
export class Answer {
  status
  retryAfter
  isWhole = false
  /** Whether another request can go over its connection. */
  keepsConnection = true
  #line = ''
  #lineBytes = 0
  /** What a line is; of the body, what comes behind these bytes. */
  #next = this.#statusLine
  /** Bytes of the body, or of its chunk, that are to come. */
  #left = 0
  #contentLength
  #transferEncoding
  #pieces = []
  #length = 0

  /** Reads on; how much of it belongs to this answer. Throws where it is none. */
  read(bytes) {
    let at = 0
    while (at < bytes.length && !this.isWhole) at = this.#left > 0 ? this.#bodyBytes(bytes, at) : this.#lineBytesOf(bytes, at)
    return at
  }

  /** The connection ended; whether the answer is whole by that. */
  end() {
    if (this.#left === Infinity) this.isWhole = true
    return this.isWhole
  }

  /** The body. One copy only: it may be keys. */
  get bytes() {
    if (this.#pieces.length === 1) return this.#pieces[0]
    const whole = Buffer.concat(this.#pieces)
    for (const piece of this.#pieces) piece.fill(0)
    this.#pieces = [whole]
    return whole
  }

  #lineBytesOf(bytes, at) {
    const end = bytes.indexOf(LINE_END, at)
    const stop = end === -1 ? bytes.length : end + 1
    this.#line += bytes.toString('latin1', at, stop)
    this.#lineBytes += stop - at
    if (this.#lineBytes > MAX_HEAD_BYTES) throw new Error(`an answer whose head has more than ${MAX_HEAD_BYTES} bytes`)
    if (end === -1) return stop
    const line = this.#line.replace(/\r?\n$/, '')
    this.#line = ''
    this.#next(line)
    return stop
  }

  #bodyBytes(bytes, at) {
    const piece = bytes.subarray(at, at + Math.min(this.#left, bytes.length - at))
    this.#pieces.push(piece)
    this.#length += piece.length
    if (this.#length > MAX_ANSWER_BYTES) throw new Error(`an answer of more than ${MAX_ANSWER_BYTES} bytes`)
    this.#left -= piece.length
    if (this.#left === 0 && this.#contentLength !== undefined) this.isWhole = true
    return at + piece.length
  }

  #statusLine(line) {
    const [, minor, status] = STATUS_LINE.exec(line) ?? unreadable('status line')
    this.status = Number(status)
    this.keepsConnection = minor === '1'
    this.#next = this.#fieldLine
  }

  #fieldLine(line) {
    if (line === '') return this.#bodyBegins()
    const [, name, value] = FIELD_LINE.exec(line) ?? unreadable('header')
    switch (name.toLowerCase()) {
      case 'content-length':
        if (this.#contentLength !== undefined || !/^\d{1,15}$/.test(value)) unreadable('Content-Length')
        this.#contentLength = Number(value)
        break
      case 'transfer-encoding':
        if (this.#transferEncoding !== undefined || value.toLowerCase() !== 'chunked') unreadable('Transfer-Encoding')
        this.#transferEncoding = value
        break
      case 'connection':
        if (/(^|,)[ \t]*close[ \t]*(,|$)/i.test(value)) this.keepsConnection = false
        break
      case 'retry-after':
        this.retryAfter = value
    }
  }

  #bodyBegins() {
    const { status } = this
    if (status < 200) {
      // An interim answer; the one that counts comes behind it. Nobody asked for another protocol.
      if (status === 101) unreadable('status')
      this.#next = this.#statusLine
      return
    }
    if (this.#transferEncoding !== undefined) {
      if (this.#contentLength !== undefined) unreadable('length')
      this.#next = this.#chunkSize
    } else if (status === 204 || status === 304 || this.#contentLength === 0) {
      this.isWhole = true
    } else if (this.#contentLength !== undefined) {
      this.#left = this.#contentLength
    } else {
      this.#left = Infinity
      this.keepsConnection = false
    }
  }

  #chunkSize(line) {
    const [, size] = CHUNK_SIZE.exec(line) ?? unreadable('chunk')
    this.#left = Number.parseInt(size, 16)
    this.#lineBytes = 0
    this.#next = this.#left === 0 ? this.#trailer : this.#chunkEnd
  }

  #chunkEnd(line) {
    if (line !== '') unreadable('chunk')
    this.#next = this.#chunkSize
  }

  #trailer(line) {
    if (line === '') this.isWhole = true
  }
}

function unreadable(what) {
  throw new Error(`an answer whose ${what} cannot be read`)
}
