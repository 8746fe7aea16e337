import { constants } from 'node:fs'
import { mkdir, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SealtrailError } from './errors.js'
import { lineOf } from './lines.js'
import { lockFolder } from './spool-lock.js'
import { SpoolLines } from './spool-lines.js'

/** A segment is left at this size, and deleted when the sidecar has taken all of it. */
const SEGMENT_BYTES = 4 << 20
const SEGMENT = /^(\d{8})\.ndjson$/
const { O_APPEND, O_CREAT, O_RDWR } = constants

/**
 * Lines that wait on this machine's disk, in segments that are appended to and then deleted:
 *
 *     00000001.ndjson   lines in the order in which they came, each as `SpoolLines` writes it
 *     refused.ndjson    lines that the sidecar refused, for people
 *     *.unreadable      a segment of another key, or with damage
 *     lock              the process that uses the folder
 *
 * A line is acknowledged when it and its segment's name are synced. What a crash left half written behind the last line
 * end was never acknowledged. How much of the first segment was sent is kept in memory only: after a crash it is sent
 * again, and the ids of the lines make that one record each.
 */
export class Spool {
  #folder
  #lines
  #maxBytes
  #unlock
  /** `{ number, bytes, held }`: how long they are on disk, and how many of their lines wait. */
  #segments = []
  #bytes = 0
  /** How much of the first segment was sent. */
  #sent = 0
  /** The last segment, open to append to. */
  #tail
  #pending = []
  /** How many lines are pending. */
  #onTheWay = 0
  #writing
  /** After a failed sync nobody knows what is on disk. */
  #broken

  /** @param {{ folder: string, key?: Uint8Array, maxBytes: number }} options */
  static async open({ folder, key, maxBytes }) {
    const spool = new Spool(folder, new SpoolLines(key), maxBytes)
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      spool.#unlock = await lockFolder(folder)
      await spool.#recover()
    } catch (cause) {
      await spool.#unlock?.()
      if (cause instanceof SealtrailError) throw cause
      throw new SealtrailError('spool_failed', `the spool in \`${folder}\` cannot be opened`, { cause })
    }
    return spool
  }

  constructor(folder, lines, maxBytes) {
    this.#folder = folder
    this.#lines = lines
    this.#maxBytes = maxBytes
  }

  /** How many lines wait. */
  get held() {
    return this.#segments.reduce((sum, { held }) => sum + held, 0)
  }

  /** Whether anything waits or is on its way to the disk. */
  get holds() {
    return this.#writing !== undefined || this.#segments.length > 0
  }

  /** Whether so many lines are all that waits, or is about to. */
  isNearlyEmpty(lines) {
    return this.held + this.#onTheWay <= lines
  }

  /** Resolves when all of these texts are on disk; else none of them will be. */
  append(texts) {
    return new Promise((resolve, reject) => {
      if (texts.length === 0) return resolve()
      this.#onTheWay += texts.length
      this.#pending.push({ written: Buffer.concat(texts.map((text) => this.#lines.write(text))), count: texts.length, resolve, reject })
      this.#writing ??= this.#write()
    })
  }

  /**
   * The lines that come next, each with what is `written` of it; none where nothing waits. Rejects with `lines` where so
   * many can never be read: then their segment has another name.
   */
  async next(maxLines, maxBytes) {
    await this.#writing
    const [segment] = this.#segments
    if (segment === undefined) return []
    const read = await this.#read(segment, maxBytes).catch((cause) => {
      throw new SealtrailError('spool_failed', `\`${this.#path(segment)}\` cannot be read`, { cause })
    })
    const lines = []
    let bytes = 0
    for (let at = 0, end; lines.length < maxLines && (end = read.indexOf('\n', at)) !== -1; at = end + 1) {
      const written = read.subarray(at, end + 1)
      const text = this.#lines.read(written)
      if (text === undefined) {
        if (lines.length > 0) return lines
        throw await this.#unreadable(segment)
      }
      if (lines.length > 0 && bytes + written.length > maxBytes) break
      bytes += written.length
      lines.push(Object.assign(lineOf(text), { written }))
    }
    if (lines.length === 0) throw await this.#unreadable(segment)
    return lines
  }

  /** The first lines that `next` gave are in the log, or set aside. */
  async advance(lines) {
    const [segment] = this.#segments
    segment.held -= lines.length
    for (const { written } of lines) this.#sent += written.length
    // A write that is under way may go to it. From the last look on nothing waits until the tail is another.
    while (this.#writing) await this.#writing
    if (this.#sent < segment.bytes) return
    await this.#closeTail(segment)
    // One that stays is sent again after the next start, and known there.
    await rm(this.#path(segment)).catch(() => {})
    this.#forget(segment)
  }

  /** Keeps lines that the sidecar refused, where there is room for them; says where. */
  async setAside(lines) {
    const text = Buffer.concat(lines.map(({ written }) => written))
    const path = join(this.#folder, 'refused.ndjson')
    let file
    try {
      file = await open(path, O_RDWR | O_APPEND | O_CREAT, 0o600)
      if ((await file.stat()).size + text.length > this.#maxBytes) return undefined
      await file.appendFile(text)
      await file.datasync()
      return path
    } catch {
      return undefined
    } finally {
      await file?.close()
    }
  }

  async close() {
    await this.#writing
    await this.#tail?.file.close()
    this.#tail = undefined
    await this.#unlock()
  }

  async #recover() {
    const numbers = (await readdir(this.#folder)).map((name) => SEGMENT.exec(name)?.[1]).filter((number) => number !== undefined)
    for (const number of numbers.sort().map(Number)) {
      const segment = { number, bytes: 0, held: 0 }
      const file = await open(this.#path(segment), 'r+')
      try {
        const text = await file.readFile()
        segment.bytes = text.lastIndexOf('\n') + 1
        if (segment.bytes < text.length) await file.truncate(segment.bytes)
        for (let at = 0; (at = text.indexOf('\n', at) + 1) > 0; ) segment.held++
        if (segment.held > 0 && this.#lines.read(text.subarray(0, text.indexOf('\n') + 1)) === undefined) {
          throw new SealtrailError('spool_unreadable', `\`${this.#path(segment)}\` was written with another key`)
        }
      } finally {
        await file.close()
      }
      if (segment.held === 0) await rm(this.#path(segment))
      else this.#segments.push(segment)
      this.#bytes += segment.bytes
    }
  }

  /** Writes what gathered, all of it with one sync, until nothing is left. */
  async #write() {
    await null
    while (this.#pending.length > 0) {
      const group = []
      let length = 0
      for (const part of this.#pending.splice(0)) {
        this.#onTheWay -= part.count
        if (this.#bytes + length + part.written.length > this.#maxBytes) {
          part.reject(new SealtrailError('spool_full', `the spool in \`${this.#folder}\` has ${this.#maxBytes} bytes and is full`))
          continue
        }
        group.push(part)
        length += part.written.length
      }
      if (group.length === 0) continue
      try {
        if (this.#broken) throw this.#broken
        await this.#writeOut(group, length)
        for (const { resolve } of group) resolve()
      } catch (cause) {
        const error = new SealtrailError('spool_failed', `the spool in \`${this.#folder}\` cannot be written`, { cause })
        for (const { reject } of group) reject(error)
      }
    }
    this.#writing = undefined
  }

  async #writeOut(group, length) {
    const tail = (this.#tail ??= await this.#newSegment())
    const { file, segment } = tail
    try {
      await file.appendFile(Buffer.concat(group.map(({ written }) => written)))
    } catch (error) {
      // Half a line must not become the beginning of the next.
      await file.truncate(segment.bytes).catch((failure) => (this.#broken = failure))
      throw error
    }
    await file.datasync().catch((failure) => {
      this.#broken = failure
      throw failure
    })
    if (segment.bytes === 0) this.#segments.push(segment)
    segment.bytes += length
    segment.held += group.reduce((sum, { count }) => sum + count, 0)
    this.#bytes += length
    if (segment.bytes >= SEGMENT_BYTES) await this.#closeTail(segment)
  }

  async #newSegment() {
    const segment = { number: (this.#segments.at(-1)?.number ?? 0) + 1, bytes: 0, held: 0 }
    const file = await open(this.#path(segment), 'ax+', 0o600)
    const folder = await open(this.#folder)
    await folder.sync().finally(() => folder.close())
    return { segment, file }
  }

  async #read(segment, maxBytes) {
    const file = await open(this.#path(segment))
    try {
      // At least one whole line.
      for (let room = maxBytes; ; room *= 2) {
        const length = Math.min(room, segment.bytes - this.#sent)
        const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(length), position: this.#sent })
        const read = buffer.subarray(0, bytesRead)
        if (read.includes('\n') || length < room) return read
      }
    } finally {
      await file.close()
    }
  }

  async #unreadable(segment) {
    await this.#closeTail(segment)
    const name = `${this.#path(segment)}.${Date.now()}.unreadable`
    await rename(this.#path(segment), name)
    this.#forget(segment)
    const error = new SealtrailError('spool_unreadable', `${segment.held} changes of the spool cannot be read: they are in \`${name}\``)
    return Object.assign(error, { lines: segment.held })
  }

  async #closeTail(segment) {
    if (this.#tail?.segment !== segment) return
    const { file } = this.#tail
    this.#tail = undefined
    await file.close()
  }

  #forget(segment) {
    this.#segments.shift()
    this.#bytes -= segment.bytes
    this.#sent = 0
  }

  #path({ number }) {
    return join(this.#folder, `${String(number).padStart(8, '0')}.ndjson`)
  }
}
