import assert from 'node:assert/strict'
import { test } from 'node:test'
import { joined, Line, lineOf, LineWriter } from '../src/lines.js'

const write = (writer, text) => {
  const bytes = Buffer.byteLength(text)
  const { buffer, end } = writer.write(text, bytes)
  return new Line(buffer, end - bytes, end)
}
const body = (lines) => joined(lines).toString()

test('lines are sent as they were written, whatever buffer they are in', () => {
  const texts = ['{"a":1}', '', '{"é":"😀"}', 'x'.repeat(70_000), '{"b":2}', ...Array.from({ length: 3_000 }, (_, n) => `{"number":${n},"ü":"${'y'.repeat(n % 90)}"}`)]
  const writer = new LineWriter()
  const lines = texts.map((text) => write(writer, text))
  assert.deepEqual(lines.map(({ text }) => text), texts)
  assert.deepEqual(lines.map(({ bytes }) => bytes), texts.map((text) => Buffer.byteLength(text)))
  assert.ok(new Set(lines.map(({ buffer }) => buffer)).size > 2)
  assert.equal(body(lines), texts.map((text) => `${text}\n`).join(''))
})

test('some of them, and lines of their own', () => {
  const writer = new LineWriter()
  const lines = ['a', 'b', 'c', 'd'].map((text) => write(writer, text))
  assert.equal(body([lines[0], lines[2], lines[3]]), 'a\nc\nd\n')
  assert.equal(body([lines[1], lineOf('ö'), lines[2]]), 'b\nö\nc\n')
  assert.equal(body([lineOf('')]), '\n')
})

test('neighbours are not copied', () => {
  const writer = new LineWriter()
  const lines = ['a', 'b', 'c'].map((text) => write(writer, text))
  assert.equal(joined(lines).buffer, lines[0].buffer.buffer)
})
