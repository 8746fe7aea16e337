/** A number as it was written: JavaScript would make another of a 23-digit one. */
class Exact {
  constructor(source) {
    this.source = source
  }
}

export function parse(text) {
  return JSON.parse(text, (_key, value, context) =>
    typeof value === 'number' && context?.source !== undefined ? new Exact(context.source) : value,
  )
}

export function print(value, indent = '') {
  if (value instanceof Exact) return value.source
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  const [open, close] = Array.isArray(value) ? '[]' : '{}'
  const items = Array.isArray(value)
    ? value.map((item) => print(item, indent && indent + '  '))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${print(item, indent && indent + '  ')}`)
  if (items.length === 0) return open + close
  return indent === ''
    ? `${open}${items.join(', ')}${close}`
    : `${open}\n${items.map((item) => indent + item).join(',\n')}\n${indent.slice(2)}${close}`
}

/** The value at an RFC 6901 pointer, or undefined. */
export function at(value, pointer) {
  for (const token of pointer.split('/').slice(1)) {
    const key = token.replaceAll('~1', '/').replaceAll('~0', '~')
    if (value === null || typeof value !== 'object' || !Object.hasOwn(value, key)) return undefined
    value = value[key]
  }
  return value
}
