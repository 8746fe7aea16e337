import { invalidOption as invalid, knownOptions } from './option-checks.js'

const KNOWN = new Set([
  'url', 'service', 'tenant', 'token', 'policy', 'actor', 'behindProxy', 'onFailure', 'spool', 'timeoutMs', 'maxQueue', 'maxQueueBytes',
  'onError', 'seal', 'userAgent',
])
const SPOOL = new Set(['folder', 'key', 'unencrypted', 'maxBytes'])
/** Why nothing is sealed here that may have to wait there. */
export const SPOOLED_IN_CLEAR = 'goes with a spool that has a `key`: in one without, the changes are on this disk in clear'
const ON_FAILURE = ['drop', 'block', 'spool']

/** The options of `createTrail`, checked whole before anything starts. */
export function readOptions(given) {
  const options = knownOptions(given, KNOWN)
  const { onFailure = 'drop' } = options
  if (!ON_FAILURE.includes(onFailure)) throw invalid('onFailure', "must be 'drop', 'block' or 'spool'")
  return {
    target: { ...address(options.url), token: token(options.token) },
    spool: spool(onFailure, options.spool),
    seals: seals(options),
    limits: {
      blocks: onFailure === 'block',
      timeoutMs: positive('timeoutMs', options.timeoutMs, onFailure === 'spool' ? 2_000 : 30_000),
      maxQueue: positive('maxQueue', options.maxQueue, 10_000),
      maxQueueBytes: positive('maxQueueBytes', options.maxQueueBytes, 64 << 20),
    },
    origin: {
      service: text('service', options.service),
      tenant: text('tenant', options.tenant),
      actor: callable('actor', options.actor),
      userAgent: callable('userAgent', options.userAgent),
      behindProxy: flag('behindProxy', options.behindProxy, true),
    },
    policy: options.policy,
    onError: guarded(callable('onError', options.onError) ?? warn),
  }
}

/** The address of the API, with a slash at its end. */
function address(given) {
  const socketPath = typeof given === 'string' && given.startsWith('unix:') ? given.slice('unix:'.length) : undefined
  const text = socketPath === undefined ? given : 'http://localhost'
  const base = URL.canParse(text) ? new URL(text) : undefined
  if (base === undefined || socketPath === '' || !/^https?:$/.test(base.protocol)) {
    throw invalid('url', 'must be the address of the sidecar\'s API, as `http://127.0.0.1:8090` or `unix:/run/sealtrail.sock`')
  }
  if (base.username + base.password + base.search + base.hash !== '') {
    throw invalid('url', 'must have no user, password, query or fragment, which would not be sent; for who writes there is `token`')
  }
  if (!base.pathname.endsWith('/')) base.pathname += '/'
  return { url: base, socketPath }
}

function spool(onFailure, given) {
  if (onFailure !== 'spool') {
    if (given !== undefined) throw invalid('spool', "goes with `onFailure: 'spool'`")
    return undefined
  }
  const { folder, key, unencrypted, maxBytes } = knownOptions(given ?? {}, SPOOL)
  if (text('spool.folder', folder) === undefined) throw invalid('spool.folder', 'must name the folder of this process, as `/var/lib/shop/spool`')
  // Whoever wants plaintext on a disk has to say so.
  if ((key === undefined) !== (unencrypted === true)) {
    throw invalid('spool.key', 'must be there, or else `unencrypted: true`: without a key the changes are on this disk in clear')
  }
  if (key !== undefined && !(key instanceof Uint8Array && key.length === 32)) throw invalid('spool.key', 'must be 32 bytes, as a Uint8Array')
  return { folder, key, maxBytes: positive('spool.maxBytes', maxBytes, 64 << 20) }
}

function seals({ seal, spool }) {
  const isOn = flag('seal', seal, false)
  if (isOn && spool?.unencrypted) throw invalid('seal', SPOOLED_IN_CLEAR)
  return isOn
}

function flag(name, given, fallback) {
  if (given === undefined) return fallback
  if (typeof given === 'boolean') return given
  throw invalid(name, 'must be true or false')
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

/** What `onError` throws, or rejects with, must end neither the process nor the delivery; then the error is told as without it. */
function guarded(onError) {
  return async (error) => {
    try {
      await onError(error)
    } catch {
      warn(error)
    }
  }
}
