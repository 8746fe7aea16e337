import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { Lessor } from './lessor.js'
import { freePort } from './port.js'

/**
 * The sidecar as far as the package sees it: a real HTTP server that answers a receipt for each line, and gives leases. `answers` holds what to do with the next requests instead.
 */
export async function startCollector({ port, path } = {}) {
  const collector = { lessor: new Lessor(), changes: [], requests: [], answers: [], delayMs: 0, connections: 0 }
  const server = createServer(async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks).toString()
    const lines = body.split('\n').filter(Boolean)
    collector.requests.push({ method: request.method, url: request.url, headers: request.headers, lines, port: request.socket.remotePort })
    if (collector.delayMs) await sleep(collector.delayMs)
    const answer = collector.answers.shift()
    if (answer) return answer(response, lines)
    const [status, text] = collector.lessor.answer(request.method, request.url, body) ?? []
    if (status) response.writeHead(status).end(text)
    else accept(collector, response, lines)
  })
  server.on('connection', () => collector.connections++)
  server.listen(path === undefined ? { port: port ?? (await freePort()), host: '127.0.0.1' } : { path })
  await once(server, 'listening')
  collector.url = `http://127.0.0.1:${server.address().port}`
  collector.port = server.address().port
  collector.accept = (response, lines) => accept(collector, response, lines)
  collector.stop = async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  return collector
}

export function refuse(status, problem, headers = {}) {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/problem+json', ...headers })
    response.end(JSON.stringify({ type: 'about:blank', status, ...problem }))
  }
}

function accept(collector, response, lines) {
  const receipts = lines.map((line) => {
    const change = JSON.parse(line)
    collector.changes.push(change)
    const index = collector.changes.length - 1
    return { id: `record-${index}`, index, status: 'recorded', correlation_id: change.context.correlation_id ?? 'given-by-sidecar' }
  })
  response.writeHead(200, { 'content-type': 'application/x-ndjson' })
  response.end(receipts.map((receipt) => JSON.stringify(receipt) + '\n').join(''))
}
