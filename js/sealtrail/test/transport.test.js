import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { promisify } from 'node:util'
import { TimedOut, Transport } from '../src/transport.js'

const open = []
afterEach(async () => {
  for (const { transport, server, sockets } of open.splice(0)) {
    transport?.close()
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  }
})

/** A server of Node's, and a transport to it. `sockets` are its connections. */
async function serve(server, { path = '/', token, host = '127.0.0.1' } = {}) {
  const sockets = []
  server.on('connection', (socket) => sockets.push(socket.on('error', () => {})))
  await once(server.listen(0, host), 'listening')
  const transport = new Transport({ url: new URL(`http://127.0.0.1:${server.address().port}${path}`), token })
  open.push({ transport, server, sockets })
  return { transport, sockets, port: server.address().port }
}

/** Answers each request with its number, its method and its body. */
function echo(edit = () => {}) {
  let number = 0
  return createHttpServer(async (request, response) => {
    const n = number++
    edit(response, n)
    const body = (await request.toArray()).join('')
    response.end(`${n} ${request.method} ${request.url} ${body}`)
  })
}
const text = async (asked) => (await asked).bytes.toString()
const post = (transport, body, timeoutMs = 30_000) => transport.ask({ path: 'v1/changes', body }, timeoutMs)

test('requests go one after another over one connection, as Node\'s server reads them', async () => {
  const heads = []
  const server = echo()
  server.on('request', ({ headers }) => heads.push(headers))
  const { transport, sockets, port } = await serve(server, { path: '/audit/', token: 's3cret' })
  const bodies = ['', '{"é":1}\n', Buffer.from('x'.repeat(300_000)), undefined]
  const answers = await Promise.all(bodies.map((body) => text(transport.ask({ path: 'v1/changes', body, headers: { 'x-correlation-id': 'c-1' } }, 30_000))))
  assert.deepEqual(answers, bodies.map((body, n) => `${n} ${body === undefined ? 'GET' : 'POST'} /audit/v1/changes ${body ?? ''}`))
  assert.equal(sockets.length, 1)
  const common = { host: `127.0.0.1:${port}`, accept: 'application/x-ndjson, application/json, application/problem+json', authorization: 'Bearer s3cret', 'x-correlation-id': 'c-1' }
  assert.deepEqual(heads[1], { ...common, 'content-type': 'application/x-ndjson', 'content-length': '9' })
  assert.deepEqual(heads[3], common)
})

test('a connection that may not be used again is not', async () => {
  const { transport, sockets } = await serve(echo((response, n) => n === 0 && response.setHeader('connection', 'close')))
  assert.deepEqual([await text(post(transport, 'a')), await text(post(transport, 'b'))], ['0 POST /v1/changes a', '1 POST /v1/changes b'])
  assert.equal(sockets.length, 2)
})

test('a connection that was closed while nobody asked is opened again', async () => {
  const { transport, sockets } = await serve(echo())
  await post(transport, 'a')
  sockets[0].end()
  await once(sockets[0], 'close')
  assert.equal(await text(post(transport, 'b')), '1 POST /v1/changes b')
})

test('an answer that nobody asked for is not that of the next request', async () => {
  const answer = (body) => `HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${body}`
  const server = createServer((socket) => socket.on('data', () => socket.write(answer('a') + answer('b'))))
  const { transport, sockets } = await serve(server)
  assert.deepEqual([await text(post(transport, '')), await text(post(transport, ''))], ['a', 'a'])
  assert.equal(sockets.length, 2)
})

test('nor is one that comes while nobody asks', { timeout: 60_000 }, async () => {
  const server = createServer((socket) => socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na')))
  const { transport, sockets } = await serve(server)
  assert.equal(await text(post(transport, '')), 'a')
  const closed = once(sockets[0], 'close')
  sockets[0].write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nb')
  await closed
  assert.equal(await text(post(transport, '')), 'a')
})

test('an answer that comes before all was sent is taken, and the rest is not', async () => {
  let number = 0
  const server = createServer((socket) => {
    // Nothing of the first request's body is read.
    if (number++ === 0) socket.once('data', () => (socket.pause(), socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}')))
    else socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
  })
  const { transport, sockets } = await serve(server)
  const [refused, taken] = await Promise.all([post(transport, Buffer.alloc(64 << 20)), post(transport, '')])
  assert.deepEqual([refused.status, taken.status, sockets.length], [413, 200, 2])
})

test('what is asked in vain does not hold up who asks next', async () => {
  let number = 0
  const server = createHttpServer((_, response) => number++ > 0 && response.end('late or not'))
  const { transport, sockets } = await serve(server)
  const first = post(transport, 'a', 200)
  const waiting = post(transport, 'b', 100)
  const third = post(transport, 'c')
  await Promise.all([assert.rejects(first, TimedOut), assert.rejects(waiting, TimedOut)])
  assert.equal(await text(third), 'late or not')
  assert.deepEqual([number, sockets.length], [2, 2])
})

test('a connection that ends, or speaks something else, is an error', async () => {
  const said = ['', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel', '220 mail.example ESMTP\r\n']
  const server = createServer((socket) => socket.once('data', () => socket.end(said.shift())))
  const { transport } = await serve(server)
  await assert.rejects(post(transport, ''), { code: 'ECONNRESET' })
  await assert.rejects(post(transport, ''), { code: 'ECONNRESET' })
  await assert.rejects(post(transport, ''), /status line/)
})

test('who closes it is told, and who waits behind him', async () => {
  const { transport } = await serve(createHttpServer(() => {}))
  const asked = [post(transport, 'a'), post(transport, 'b')]
  transport.close()
  for (const one of asked) await assert.rejects(one, { code: 'ECONNRESET' })
})

test('nothing that is asked can write a header', async () => {
  const { transport, sockets } = await serve(echo())
  for (const wanted of [{ path: 'v1 \r\nx: y' }, { path: 'v1', headers: { 'x-correlation-id': 'c\r\nx: y' } }, { path: 'v1/\u00e9' }]) {
    await assert.rejects(transport.ask(wanted, 1000), /printable ASCII/)
  }
  assert.equal(sockets.length, 0)
})

test('an open connection keeps no process', async () => {
  const server = echo()
  // Else it would end the connection.
  server.keepAliveTimeout = 0
  const { port } = await serve(server)
  const program = `
    import { Transport } from ${JSON.stringify(new URL('../src/transport.js', import.meta.url).href)}
    const transport = new Transport({ url: new URL('http://127.0.0.1:${port}/') })
    for (const body of ['a', 'b']) console.log((await transport.ask({ path: 'v1', body }, 30_000)).bytes.toString())`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], { timeout: 60_000 })
  assert.equal(stdout, '0 POST /v1 a\n1 POST /v1 b\n')
})

const skip = spawnSync('openssl', ['version']).error && 'openssl is not installed'
test('over TLS, only with whom the certificate names', { skip }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sealtrail-'))
  const files = ['cert.pem', 'key.pem'].map((name) => join(folder, name))
  await promisify(execFile)('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost',
    '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-out', files[0], '-keyout', files[1],
  ])
  const [cert, key] = await Promise.all(files.map((file) => readFile(file)))
  const server = createHttpsServer({ cert, key }, (_, response) => response.end('over TLS'))
  server.on('tlsClientError', () => {})
  const { port } = await serve(server, { host: '0.0.0.0' })
  const ask = (host) => `await new Transport({ url: new URL('https://${host}:${port}/') }).ask({ path: 'v1' }, 30_000).then(({ bytes }) => String(bytes), ({ code }) => code)`
  const program = `
    import { Transport } from ${JSON.stringify(new URL('../src/transport.js', import.meta.url).href)}
    console.log([${['localhost', '127.0.0.1', '127.1.1.1'].map(ask).join()}].join())
    process.exit()`
  const run = async (env) => (await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program], { timeout: 60_000, env })).stdout.trim()
  const trusting = { ...process.env, NODE_EXTRA_CA_CERTS: files[0] }
  assert.equal(await run(trusting), 'over TLS,over TLS,ERR_TLS_CERT_ALTNAME_INVALID')
  assert.equal(await run(process.env), Array(3).fill('DEPTH_ZERO_SELF_SIGNED_CERT').join())
  await rm(folder, { recursive: true })
})
