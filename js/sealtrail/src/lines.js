const LINE_END = 0x0a

/** Room for some hundred lines. */
const CHUNK_BYTES = 64 << 10

/**
 * A line that waits, with its line end, in a buffer that it shares with its neighbours: it is sent as it stands there. Not
 * as a string, because thousands may wait, and the heap would carry each of them around.
 */
export class Line {
  /** @param {Buffer} buffer */
  constructor(buffer, start, end) {
    this.buffer = buffer
    this.start = start
    /** Where its line end is. */
    this.end = end
  }

  get bytes() {
    return this.end - this.start
  }

  get text() {
    return this.buffer.toString('utf8', this.start, this.end)
  }
}

/** Writes lines one behind the other. */
export class LineWriter {
  #chunk = Buffer.alloc(0)
  #at = 0

  /** The buffer that has the text now, from `end - bytes` to `end`. */
  write(text, bytes) {
    // What was sent is not written over: the socket may have it still.
    if (this.#at + bytes >= this.#chunk.length) {
      this.#chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, bytes + 1))
      this.#at = 0
    }
    const end = this.#at + bytes
    // As many bytes as characters is ASCII.
    this.#chunk.write(text, this.#at, bytes === text.length ? 'latin1' : 'utf8')
    this.#chunk[end] = LINE_END
    this.#at = end + 1
    return { buffer: this.#chunk, end }
  }
}

/** A text as a line of its own. */
export function lineOf(text) {
  const buffer = Buffer.from(`${text}\n`)
  return new Line(buffer, 0, buffer.length - 1)
}

/** What lines are together: mostly they are neighbours. */
export function joined(lines) {
  const parts = []
  let [buffer, start, end] = [lines[0].buffer, lines[0].start, lines[0].start]
  for (const line of lines) {
    if (line.buffer !== buffer || line.start !== end) {
      parts.push(buffer.subarray(start, end))
      ;({ buffer, start } = line)
    }
    end = line.end + 1
  }
  const last = buffer.subarray(start, end)
  return parts.length === 0 ? last : Buffer.concat([...parts, last])
}
