const PARTS = ['browser', 'os', 'device']

/** In a preview: which fields there will be is known, and what the sidecar reads in the header is not. */
const READ_LATER = Object.fromEntries(PARTS.map((part) => [part, '(read by the sidecar)']))

/**
 * The user agent as a change says it: its parts where the trail has a parser, else the header, which the sidecar parses.
 * What is sealed here the sidecar cannot read; and a record never keeps the header itself, which says more than its parts.
 *
 * @param {string | object | undefined} given the header, or its parts
 * @param {{ userAgent?: (header: string) => object | undefined, sealsHere?: boolean, isPreview?: boolean }} origin
 */
export function userAgentOf(given, { userAgent: parse, sealsHere, isPreview }) {
  if (typeof given !== 'string') return given
  if (parse === undefined) return sealsHere ? undefined : isPreview ? READ_LATER : given
  let parsed
  try {
    parsed = parse(given)
  } catch {
    // Anybody can send anything: no reason to lose a record.
    return undefined
  }
  return partsOf(parsed)
}

function partsOf(parsed) {
  const parts = {}
  for (const part of PARTS) if (typeof parsed?.[part] === 'string') parts[part] = parsed[part].toWellFormed()
  return Object.keys(parts).length > 0 ? parts : undefined
}
