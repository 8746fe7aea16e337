import { middleware } from './express.js'
import { plugin } from './fastify.js'

/** What a provider asks for to get the trail: `@Inject(TRAIL)`. */
export const TRAIL = Symbol('sealtrail')

/**
 * Everything that runs for a request, guards included, records under its correlation id; the trail is there for every
 * provider, and is closed with the application.
 */
export const SealtrailModule = {
  forRoot(trail) {
    return {
      // A class of its own for each trail, so that it needs neither decorators nor their metadata.
      module: class SealtrailModule {
        configure(consumer) {
          const adapter = consumer.getHttpAdapter()
          // There a middleware gets Node's request, and guards leave the user on Fastify's.
          if (adapter.getType() === 'fastify') plugin(adapter.getInstance(), { trail }, () => {})
          else consumer.apply(middleware(trail)).forRoutes('{*path}')
        }

        async onApplicationShutdown() {
          await trail.close()
        }
      },
      global: true,
      providers: [{ provide: TRAIL, useValue: trail }],
      exports: [TRAIL],
    }
  },
}
