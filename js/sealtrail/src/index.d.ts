export * from './index.browser.js'
export { createTrail } from './trail.js'
export type {
  Action, Actor, Change, Context, Entity, Image, Receipt, Revealed, RevealedValue, RevealOptions, SpoolOptions, Trail, TrailOptions, TrailStats, UserAgent,
} from './trail.js'
