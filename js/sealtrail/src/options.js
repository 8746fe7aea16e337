import { invalidOption as invalid, knownOptions } from './option-checks.js'

const KNOWN = new Set([
  'url', 'service', 'tenant', 'token', 'policy', 'actor', 'behindProxy', 'fetch', 'timeoutMs', 'maxQueue', 'maxQueueBytes', 'onError',
])

/** The options of `createTrail`, checked whole before anything starts. */
export function readOptions(given) {
  const options = knownOptions(given, KNOWN)
  return {
    target: { url: changesUrl(options.url), token: token(options.token), fetch: callable('fetch', options.fetch) ?? globalThis.fetch },
    limits: {
      timeoutMs: positive('timeoutMs', options.timeoutMs, 30_000),
      maxQueue: positive('maxQueue', options.maxQueue, 10_000),
      maxQueueBytes: positive('maxQueueBytes', options.maxQueueBytes, 64 << 20),
    },
    origin: {
      service: text('service', options.service),
      tenant: text('tenant', options.tenant),
      actor: callable('actor', options.actor),
      behindProxy: options.behindProxy ?? true,
    },
    policy: options.policy,
    onError: callable('onError', options.onError) ?? warn,
  }
}

function changesUrl(given) {
  const base = URL.canParse(given) ? new URL(given) : undefined
  if (base === undefined || !/^https?:$/.test(base.protocol)) {
    throw invalid('url', 'must be the http address of the sidecar\'s API, as `http://127.0.0.1:8090`')
  }
  if (!base.pathname.endsWith('/')) base.pathname += '/'
  return new URL('v1/changes', base)
}

function token(given) {
  if (given === undefined || (typeof given === 'string' && /^[\x21-\x7e]+$/.test(given))) return given
  throw invalid('token', 'must be one word of printable ASCII')
}

function text(name, given) {
  if (given === undefined || (typeof given === 'string' && given !== '')) return given
  throw invalid(name, 'must be a text that is not empty')
}

function callable(name, given) {
  if (given === undefined || typeof given === 'function') return given
  throw invalid(name, 'must be a function')
}

function positive(name, given, fallback) {
  if (given === undefined) return fallback
  // 2^31 - 1 is the longest timer.
  if (Number.isSafeInteger(given) && given > 0 && given < 2 ** 31) return given
  throw invalid(name, 'must be an integer from 1 to 2147483647')
}

/** A change that nobody awaited and that was not recorded is never silent. */
function warn(error) {
  process.emitWarning(`a change was not recorded: ${error.message}`, { type: 'SealtrailWarning', code: error.code })
}
