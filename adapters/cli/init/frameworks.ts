/** Where a framework has its files. Paths are relative to the app; `src/` precedes `client` where the app has one. */
export interface Framework {
  readonly name: string
  /** The dependencies by which it is known. */
  readonly packages: readonly string[]
  readonly port: number
  /** Folder of the modules that run in the browser. */
  readonly client: string
  /** Folder of the modules that run on the server; undefined if that is another project. */
  readonly server?: string
  /** The file that hands requests to Better Auth, and its template in `e2e/starters/add`. */
  readonly route?: { readonly path: string; readonly template: string }
  /**
   * What Node runs without a bundler, which has to name files in full: `app`, everything; `server`, the modules of the
   * server.
   */
  readonly withoutBundler?: 'app' | 'server'
  /** What remains to be done by hand. */
  readonly left: readonly string[]
}

const MOUNT = 'Pass requests to /api/auth/* on to `auth.handler(request)` of your server.'

/** The first one that fits is taken: an app with Next has React as well. */
export const FRAMEWORKS: readonly Framework[] = [
  {
    name: 'Next',
    packages: ['next'],
    port: 3000,
    client: 'lib',
    server: 'lib/server',
    route: { path: 'app/api/auth/[...all]/route.ts', template: 'route.next.ts' },
    left: [],
  },
  {
    name: 'SvelteKit',
    packages: ['@sveltejs/kit'],
    port: 5173,
    client: 'lib',
    server: 'lib/server',
    route: { path: 'routes/api/auth/[...all]/+server.ts', template: 'route.sveltekit.ts' },
    left: [],
  },
  {
    name: 'Nuxt',
    packages: ['nuxt'],
    port: 3000,
    client: 'app/identity',
    server: 'server/identity',
    route: { path: 'server/api/auth/[...all].ts', template: 'route.nuxt.ts' },
    left: [],
  },
  {
    name: 'Expo',
    packages: ['expo'],
    port: 8081,
    client: 'lib',
    left: ['Follow docs/expo.md: a native app keeps the identity in the keychain, with `createExpoAuth`.'],
  },
  ...['react', 'vue', 'svelte', 'solid-js'].map((view) => ({
    name: `Vite with ${view}`,
    packages: ['vite', view],
    port: 5173,
    client: 'lib',
    server: 'server',
    withoutBundler: 'server' as const,
    left: [MOUNT, 'Proxy /api in development: server.proxy in the Vite config, with changeOrigin: false.'],
  })),
  ...['hono', 'express', 'fastify'].map((name) => ({
    name,
    packages: [name],
    port: 3000,
    client: 'lib',
    server: 'lib/server',
    withoutBundler: 'app' as const,
    left: [MOUNT],
  })),
]
