import type { Trail } from './trail.js'

/**
 * What a provider asks for to get the trail.
 *
 * @example
 * import { Inject } from '@nestjs/common'
 * import { TRAIL } from 'sealtrail/nest'
 *
 * class Customers {
 *   constructor(@Inject(TRAIL) private readonly trail: Trail) {}
 * }
 */
export declare const TRAIL: unique symbol

/** For the Express and for the Fastify adapter. The trail's `actor` is asked with the request that guards see. */
export declare const SealtrailModule: {
  /**
   * @example
   * import { Module } from '@nestjs/common'
   * import { SealtrailModule } from 'sealtrail/nest'
   *
   * \@Module({ imports: [SealtrailModule.forRoot(trail)] })
   * class AppModule {}
   */
  forRoot(trail: Trail): {
    module: new () => object
    global: true
    providers: { provide: typeof TRAIL; useValue: Trail }[]
    exports: (typeof TRAIL)[]
  }
}
