import deepDiff from 'deep-diff'
import jsonPatch from 'fast-json-patch'
import { create } from 'jsondiffpatch'
import microdiff from 'microdiff'

// As its manual advises for items with an identity.
const jsondiffpatch = create({ objectHash: (item, index) => item.id ?? index })

/** Differences of two parsed images, each as its library is used. */
export const peers = {
  microdiff: (before, after) => microdiff(before, after, { cyclesFix: false }),
  jsondiffpatch: (before, after) => jsondiffpatch.diff(before, after),
  'fast-json-patch': (before, after) => jsonPatch.compare(before, after),
  'deep-diff': (before, after) => deepDiff.diff(before, after),
}
