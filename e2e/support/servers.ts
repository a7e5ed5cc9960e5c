import { test as base } from 'latchkey/playwright'
import { startFreshApp } from '../tools/servers/app-server.mjs'
import { type Framework, startBindingPages } from '../tools/servers/binding-pages.mjs'
import { startHarness } from '../tools/servers/harness.mjs'
import { buildNext, startNext } from '../tools/servers/next.mjs'
import { startReactPages } from '../tools/servers/react-pages.mjs'
import { startVersions } from '../tools/servers/versions.mjs'
import { startWorkers } from '../tools/servers/workers.mjs'
import { type AccountServer, startAccountServer } from './account-server.ts'
import { type RoutesServer, startRoutesServer } from './routes-server.ts'

/** The demo, running. */
export interface App {
  readonly url: string
  /** Stops the server and starts it on the same data. */
  restart(): Promise<void>
}

type NextMode = 'dev' | 'start'

interface Servers {
  /** Starts the demo for a file of specs, and ends that of the file before: its rate limits count what went before. */
  readonly appOf: (file: string) => Promise<App>
  readonly accountServer: AccountServer
  /** An empty page that has the library in it. */
  readonly harness: Awaited<ReturnType<typeof startHarness>>
  /** Whether the server of `site` caches sessions in a cookie. */
  readonly cookieCache: boolean
  /** Whether a sign-up at `site` gives no session before the address is verified. */
  readonly requireVerification: boolean
  /** An app that has Better Auth with every redirecting route, and an OpenID provider. */
  readonly site: RoutesServer
  readonly pagesOf: (framework: Framework) => ReturnType<typeof startBindingPages>
  readonly reactPages: Awaited<ReturnType<typeof startReactPages>>
  readonly versionPages: Awaited<ReturnType<typeof startVersions>>
  readonly workerPages: Awaited<ReturnType<typeof startWorkers>>
  /** The address of the app in Next.js, which has `accountServer`, on another port: its cookie is sent to the app too. */
  readonly nextApp: (mode: NextMode) => Promise<string>
}

/** A server for all tests of a worker. */
function serverOf<Server extends { close(): unknown }>(
  start: () => Promise<Server>,
): [(fixtures: object, use: (server: Server) => Promise<void>) => Promise<void>, { scope: 'worker' }] {
  return [
    // oxlint-disable-next-line no-empty-pattern -- Playwright reads the names of the fixtures from it
    async ({}, use) => {
      const server = await start()
      await use(server)
      await server.close()
    },
    { scope: 'worker' },
  ]
}

/**
 * `test` with every server that specs need. Each starts when the first test of a worker asks for it, and ends with the
 * worker. All are declared here, since Playwright starts another worker, with another browser, for a file that declares
 * servers of its own.
 */
export const test = base.extend<{ app: App; harnessUrl: string }, Servers>({
  appOf: [
    // oxlint-disable-next-line no-empty-pattern -- Playwright reads the names of the fixtures from it
    async ({}, use) => {
      let running: { readonly file: string; readonly app: Awaited<ReturnType<typeof startFreshApp>> } | undefined
      await use(async (file) => {
        if (running?.file === file) return running.app
        await running?.app.close()
        running = undefined
        running = { file, app: await startFreshApp() }
        return running.app
      })
      await running?.app.close()
    },
    { scope: 'worker' },
  ],
  app: async ({ appOf }, use, { file }) => use(await appOf(file)),
  accountServer: serverOf(startAccountServer),
  harness: serverOf(startHarness),
  harnessUrl: async ({ harness }, use) => use(harness.url),
  cookieCache: [false, { scope: 'worker', option: true }],
  requireVerification: [true, { scope: 'worker', option: true }],
  site: [
    async ({ cookieCache, requireVerification }, use) => {
      const site = await startRoutesServer({ cookieCache, requireVerification })
      await use(site)
      await site.close()
    },
    { scope: 'worker' },
  ],
  pagesOf: [
    // oxlint-disable-next-line no-empty-pattern -- as above
    async ({}, use) => {
      const started = new Map<Framework, ReturnType<typeof startBindingPages>>()
      await use((framework) => {
        const pages = started.get(framework) ?? startBindingPages(framework)
        started.set(framework, pages)
        return pages
      })
      for (const pages of started.values()) (await pages).close()
    },
    { scope: 'worker' },
  ],
  reactPages: serverOf(startReactPages),
  versionPages: serverOf(startVersions),
  workerPages: serverOf(startWorkers),
  nextApp: [
    async ({ accountServer }, use) => {
      let running: (Awaited<ReturnType<typeof startNext>> & { readonly mode: NextMode }) | undefined
      await use(async (mode) => {
        if (running?.mode === mode) return running.url
        await running?.close()
        if (mode === 'start') await buildNext()
        running = { mode, ...(await startNext(mode, { ACCOUNT_SERVER: accountServer.url })) }
        return running.url
      })
      await running?.close()
    },
    { scope: 'worker' },
  ],
})

export { expect } from 'latchkey/playwright'
