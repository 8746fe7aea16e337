import assert from 'node:assert/strict'
import { once } from 'node:events'
import http from 'node:http'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { Answer } from '../src/answer.js'

const HEAD = 'HTTP/1.1 200 OK\r\n'
const LONG = 'x'.repeat(5000)

/** What a server sends: status and body, and whether the connection can be used again. */
const ANSWERS = {
  'by its length': [`${HEAD}Content-Length: 5\r\n\r\nhello`, 200, 'hello', true],
  'without a body': [`${HEAD}content-length:0\r\n\r\n`, 200, '', true],
  'no content': ['HTTP/1.1 204 No Content\r\n\r\n', 204, '', true],
  'without a reason': ['HTTP/1.1 503\r\nContent-Length: 2\r\n\r\n{}', 503, '{}', true],
  'until the connection ends': [`${HEAD}X: y\r\n\r\nhello`, 200, 'hello', false],
  'of HTTP/1.0': ['HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok', 200, 'ok', false],
  'the last on its connection': [`${HEAD}Connection: x, Close\r\nContent-Length: 2\r\n\r\nok`, 200, 'ok', false],
  'in chunks': [`${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1388;a=b\r\n${LONG}\r\n0\r\n\r\n`, 200, `hello${LONG}`, true],
  'in chunks, with trailers': [`${HEAD}transfer-encoding: Chunked\r\n\r\nA\r\n0123456789\r\n0\r\nX: y\r\nZ: 1\r\n\r\n`, 200, '0123456789', true],
  'no chunk at all': [`${HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 200, '', true],
  'behind interim ones': [`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n${HEAD}Content-Length: 2\r\n\r\nok`, 200, 'ok', true],
  'with spaces around a value': [`${HEAD}Content-Length: \t2 \r\nEmpty:\r\n\r\nok`, 200, 'ok', true],
}

const REFUSED = {
  'no HTTP': 'SSH-2.0-OpenSSH_9.2p1\r\n\r\n',
  'another version': 'HTTP/2 200\r\n\r\n',
  'no status': 'HTTP/1.1 OK\r\n\r\n',
  'two lengths': `${HEAD}Content-Length: 2\r\nContent-Length: 3\r\n\r\nabc`,
  'a length and chunks': `${HEAD}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'a length below zero': `${HEAD}Content-Length: -1\r\n\r\n`,
  'a length that is none': `${HEAD}Content-Length: 2 2\r\n\r\nab`,
  'a size that is none': `${HEAD}Transfer-Encoding: chunked\r\n\r\nxyz\r\n`,
  'a size that is too small': `${HEAD}Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n`,
  'a name with a space': `${HEAD}Content Length: 2\r\n\r\nab`,
  'a head without an end': `${HEAD}${`X: ${'y'.repeat(100)}\r\n`.repeat(200)}`,
}
/** What Node's client would take, and no sidecar sends. */
const REFUSED_HERE = {
  'another coding': `${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  'another protocol': 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
  'more than anybody wants': `${HEAD}Content-Length: 4194305\r\n\r\n${'x'.repeat(4194305)}`,
}

function readWhole(pieces) {
  const answer = new Answer()
  for (const piece of pieces) assert.equal(answer.read(piece), piece.length)
  if (!answer.isWhole) answer.end()
  assert.ok(answer.isWhole)
  return [answer.status, answer.bytes.toString(), answer.keepsConnection]
}

/** The same bytes, cut once at each place, and at all of them. */
function* cuts(bytes) {
  // What was read in pieces is wiped.
  yield [Buffer.from(bytes)]
  for (let at = 1; at < Math.min(bytes.length, 400); at++) yield [Buffer.from(bytes.subarray(0, at)), Buffer.from(bytes.subarray(at))]
  yield Array.from(bytes, (byte) => Buffer.of(byte))
}

/** What Node's own client reads of it. */
async function byNode(text) {
  const server = createServer((socket) => socket.on('error', () => {}).once('data', () => socket.end(text)))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  try {
    return await new Promise((resolve, reject) => {
      const request = http.get({ port: server.address().port, host: '127.0.0.1', agent: false }).on('error', reject)
      request.on('response', (response) => {
        const chunks = []
        response.on('error', reject).on('data', (chunk) => chunks.push(chunk)).on('end', () => resolve([response.statusCode, chunks.join('')]))
      })
    })
  } finally {
    server.close()
  }
}

for (const [name, [text, ...expected]] of Object.entries(ANSWERS)) {
  test(`an answer ${name}, however it is cut, as Node's own client reads it`, async () => {
    for (const pieces of cuts(Buffer.from(text))) assert.deepEqual(readWhole(pieces), expected)
    assert.deepEqual(await byNode(text), expected.slice(0, 2))
  })
}

for (const [name, text] of Object.entries({ ...REFUSED, ...REFUSED_HERE })) {
  test(`refused: ${name}`, async () => {
    for (const pieces of name === 'more than anybody wants' ? [[Buffer.from(text)]] : cuts(Buffer.from(text))) {
      assert.throws(() => {
        const answer = new Answer()
        for (const piece of pieces) answer.read(piece)
      }, /an answer /)
    }
    if (name in REFUSED) await assert.rejects(byNode(text))
  })
}

test('an answer that ends too early is not whole', () => {
  for (const [name, [text]] of Object.entries(ANSWERS)) {
    const bytes = Buffer.from(text)
    const head = text.indexOf('\r\n\r\n') + 4
    for (let length = 0; length < (name === 'until the connection ends' ? head : bytes.length); length += length < 300 ? 1 : 997) {
      const answer = new Answer()
      answer.read(Buffer.from(bytes.subarray(0, length)))
      assert.ok(!answer.isWhole && !answer.end(), `${name}: ${length}`)
    }
  }
})

test('what is behind the answer is not read', () => {
  const answer = new Answer()
  const text = `${HEAD}Content-Length: 2\r\n\r\nok`
  assert.equal(answer.read(Buffer.from(`${text}HTTP/1.1 200`)), text.length)
  assert.equal(answer.bytes.toString(), 'ok')
})

test('the body is no copy where it came as one, and the only one where it came in pieces', () => {
  const head = `${HEAD}Content-Length: 6\r\n\r\n`
  const one = Buffer.from(`${head}secret`)
  const whole = new Answer()
  whole.read(one)
  assert.equal(whole.bytes.buffer, one.buffer)
  const [first, second] = [Buffer.from(`${head}sec`), Buffer.from('ret')]
  const cut = new Answer()
  for (const piece of [first, second]) cut.read(piece)
  assert.equal(cut.bytes.toString(), 'secret')
  assert.deepEqual([first, second].map((piece) => piece.toString('latin1').replaceAll('\0', '')), [head, ''])
})

test('Retry-After is told', () => {
  const answer = new Answer()
  answer.read(Buffer.from('HTTP/1.1 503 Busy\r\nRETRY-AFTER: 3\r\ncontent-length: 0\r\n\r\n'))
  assert.equal(answer.retryAfter, '3')
})
