import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'

const TYPES = { html: 'text/html; charset=utf-8', js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml', wasm: 'application/wasm' }

/** Serves the built page below /console/, as any static server would, and remembers what was asked for. */
export async function startPageServer() {
  const asked = []
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, 'http://x').pathname
    asked.push(path)
    const name = path.replace('/console/', '') || 'index.html'
    try {
      const bytes = await readFile(new URL(`../dist/${name}`, import.meta.url))
      response.writeHead(200, { 'content-type': TYPES[name.split('.').pop()] ?? 'application/octet-stream' }).end(bytes)
    } catch {
      response.writeHead(404).end()
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${server.address().port}/console/`,
    asked,
    stop() {
      server.closeAllConnections()
      return new Promise((done) => server.close(done))
    },
  }
}
