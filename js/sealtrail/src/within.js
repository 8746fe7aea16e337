/** What a service listens to. */
const HEARD = new Set(['data', 'readable', 'end', 'error', 'aborted', 'close', 'finish'])

/**
 * Runs what listens to a request and to its response in its context. Their events come from the connection, which serves many
 * requests and is in the context of none: without this `req.on('end', …)`, and parsers of uploads, would record without their request.
 */
export function listenWithin(trail, context, ...emitters) {
  for (const emitter of emitters) {
    const emit = emitter.emit.bind(emitter)
    // Where a handler runs, it is within already.
    emitter.emit = (type, ...args) => (!HEARD.has(type) || trail.context === context ? emit(type, ...args) : trail.run(context, emit, type, ...args))
  }
}
