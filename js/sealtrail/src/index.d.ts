export * from './index.browser.js'
export { createTrail } from './trail.js'
export type { Actor, Change, Context, Entity, Image, Receipt, SpoolOptions, Trail, TrailOptions, TrailStats } from './trail.js'
