import { createHmac, timingSafeEqual } from 'node:crypto'

/** Bearer JWT signed with HS256 (RFC 7515); puts the claims at `req.user`. */
export function authenticate(secret) {
  return (req, res, next) => {
    const [scheme, token] = (req.headers.authorization ?? '').split(' ')
    req.user = scheme.toLowerCase() === 'bearer' ? claimsOf(token ?? '', secret) : undefined
    if (req.user) return next()
    res.status(401).set('www-authenticate', 'Bearer').json({ error: 'a valid bearer token is needed' })
  }
}

export function sign(claims, secret) {
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(claims)}`
  return `${signed}.${mac(signed, secret).toString('base64url')}`
}

function claimsOf(token, secret) {
  const [header, payload, signature, ...rest] = token.split('.')
  if (!signature || rest.length > 0) return undefined
  const expected = mac(`${header}.${payload}`, secret)
  const given = Buffer.from(signature, 'base64url')
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined
  const claims = decode(payload)
  const alg = decode(header)?.alg
  const isCurrent = claims?.exp === undefined || claims.exp > Date.now() / 1000
  return alg === 'HS256' && typeof claims?.sub === 'string' && isCurrent ? claims : undefined
}

function mac(text, secret) {
  return createHmac('sha256', secret).update(text).digest()
}

function encode(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function decode(part) {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString())
  } catch {
    return undefined
  }
}
