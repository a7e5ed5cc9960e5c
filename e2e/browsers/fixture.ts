import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject, test as base } from 'vitest'
import { bundleHarness, startHarness } from '../tools/servers/harness.mjs'
import type { Browser, LaunchOptions } from './browser.ts'
import { launch } from './launch.ts'

declare module 'vitest' {
  interface TaskMeta {
    /** Name and version of the browser. */
    engine?: string
    /** What the test counted, for the table. */
    counts?: string
  }
}

interface Fixtures {
  /** Starts the browser: always on the same profile within one test. */
  readonly start: (storage?: LaunchOptions['storage']) => Promise<Browser>
  /** Returns the address of the harness page on an unvisited origin. */
  readonly freshOrigin: () => Promise<string>
  /** Puts figures into the table. */
  readonly report: (counts: Readonly<Record<string, string | number>>) => void
}

const bundled = bundleHarness()

/** False for the engine before WebCrypto had Ed25519, which is also one without settings. */
export const isRecent = inject('engine') !== 'chromium-102'

/** A test with a browser of the engine at hand, an empty profile and origins of its own. */
export const test = base.extend<Fixtures>({
  async start({ task }, use) {
    const profile = mkdtempSync(join(tmpdir(), 'latchkey-engine-'))
    const started: Browser[] = []
    await use(async (storage = 'kept') => {
      const browser = await launch(inject('engine'), inject('programs'), { profile, storage })
      started.push(browser)
      task.meta.engine = browser.version
      return browser
    })
    await Promise.all(started.map((browser) => browser.close()))
    // A helper process of the browser can outlive it by a moment, and write.
    rmSync(profile, { recursive: true, maxRetries: 10 })
  },
  // oxlint-disable-next-line no-empty-pattern -- Vitest reads the names of the fixtures from it
  async freshOrigin({}, use) {
    const servers: Awaited<ReturnType<typeof startHarness>>[] = []
    await use(async () => {
      const server = await startHarness(bundled)
      servers.push(server)
      return server.url
    })
    for (const server of servers) server.close()
  },
  async report({ task }, use) {
    await use(
      (counts) =>
        (task.meta.counts = Object.entries(counts)
          .map(([name, value]) => `${name} ${value}`)
          .join(', ')),
    )
  },
})
