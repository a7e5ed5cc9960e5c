import { addRxPlugin } from 'rxdb'
import { RxDBDevModePlugin, disableWarnings } from 'rxdb/plugins/dev-mode'
import { getRxStorageMemory } from 'rxdb/plugins/storage-memory'
import { wrappedValidateAjvStorage } from 'rxdb/plugins/validate-ajv'
import { openNotes } from './fixtures/rxdb.ts'
import { startHttpBackend } from './http-backend.ts'
import type { Engine } from './world.ts'

// It alone allows two databases of one name in one process, as two tabs are here.
disableWarnings()
addRxPlugin(RxDBDevModePlugin)

/** Shared by all tabs of a browser, as IndexedDB is. */
const storage = wrappedValidateAjvStorage({ storage: getRxStorageMemory() })
let count = 0
const names = new WeakMap<object, string>()

export const engine: Engine = {
  start: startHttpBackend,
  async open(auth, { url }, browser) {
    if (!names.has(browser)) names.set(browser, `notes${++count}`)
    const { session, rows, add, refresh, close } = await openNotes(
      auth,
      url,
      { name: names.get(browser)!, storage, ignoreDuplicate: true },
      {
        read: () => browser.storage.get('owner') ?? null,
        write: (owner) => void (owner === null ? browser.storage.delete('owner') : browser.storage.set('owner', owner)),
      },
    )
    const timer = setInterval(refresh, 500)
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
