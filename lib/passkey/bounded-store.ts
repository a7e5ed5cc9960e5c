import { inTime, whileAsked } from '../client/shared/bounded-account.ts'
import type { BackupStore } from './backup-store.ts'

/** Returns a backup store with a time limit for each call, after which it rejects with `OFFLINE` and gets no proof. */
export function boundedStore(store: BackupStore): BackupStore {
  const { getTime, renew } = store
  return {
    get audience() {
      return store.audience
    },
    ...(getTime && { getTime: () => inTime(undefined, () => getTime.call(store)) }),
    put: (locator, envelope, prove) =>
      inTime(undefined, (signal) => store.put(locator, envelope, whileAsked(signal, prove))),
    ...(renew && {
      renew: (hash, prove) => inTime(undefined, (signal) => renew.call(store, hash, whileAsked(signal, prove))),
    }),
    read: (locator) => inTime(undefined, () => store.read(locator)),
    remove: (locator, prove) => inTime(undefined, (signal) => store.remove(locator, whileAsked(signal, prove))),
  }
}
