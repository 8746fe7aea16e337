import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Trail } from './trail.js'

/**
 * A listener for `createServer` around `handle`. The address of the client is that of the connection: what
 * `x-forwarded-for` says anybody can say.
 *
 * @example
 * import { createServer } from 'node:http'
 * import { listener } from 'sealtrail/http'
 *
 * const server = createServer(listener(trail, async (req, res) => {
 *   await trail.record({ entity: { type: 'visit', id: 1 }, action: 'create', before: null, after: { path: req.url } })
 *   res.end('seen')
 * }))
 */
export declare function listener<Request extends IncomingMessage, Response extends ServerResponse, Result>(
  trail: Trail,
  handle: (req: Request, res: Response) => Result,
): (req: Request, res: Response) => Result
