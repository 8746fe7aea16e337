export * from './index.browser.js'
export { createTrail } from './trail.js'
export type { Actor, Change, Context, Entity, Image, Receipt, Trail, TrailOptions, TrailStats } from './trail.js'
