import { openNotes } from './fixtures/tanstack-db.ts'
import { startHttpBackend } from './http-backend.ts'
import type { Browser, Engine } from './world.ts'

export const engine: Engine = {
  start: startHttpBackend,
  async open(auth, { url }, browser) {
    const { storage } = browser
    const adapter = {
      get: async (key: string) => storage.get(key) ?? null,
      set: async (key: string, value: string) => void storage.set(key, value),
      delete: async (key: string) => void storage.delete(key),
      keys: async () => [...storage.keys()],
      clear: async () => storage.clear(),
    }
    const { session, rows, add, refresh, close } = await openNotes(auth, url, adapter, createElection(browser))
    const timer = setInterval(() => void refresh().catch(() => {}), 500)
    return {
      session,
      write: add,
      texts: async () => (await rows()).map(({ text }) => text),
      async close() {
        clearInterval(timer)
        await close()
      },
    }
  },
}

const leaders = new WeakMap<Browser, object>()

/** Node has no Web Locks: the first tab of a browser leads until it is closed. */
function createElection(browser: Browser) {
  const self = {}
  return {
    async requestLeadership() {
      if (!leaders.has(browser)) leaders.set(browser, self)
      return leaders.get(browser) === self
    },
    releaseLeadership() {
      if (leaders.get(browser) === self) leaders.delete(browser)
    },
    isLeader: () => leaders.get(browser) === self,
    onLeadershipChange: () => () => {},
  }
}
