import { once } from 'node:events'
import { createServer } from 'node:net'

/**
 * A port that nobody listens on, below those that the system gives away by itself (from 32768 on, on Linux): of these,
 * another process may have one before whoever was stopped there listens again, and who asks in vain may reach himself.
 */
export async function freePort() {
  for (;;) {
    const port = 16_000 + Math.floor(Math.random() * 16_000)
    const server = createServer()
    try {
      await once(server.listen(port, '127.0.0.1'), 'listening')
    } catch {
      continue
    }
    server.close()
    await once(server, 'close')
    return port
  }
}
