import { withTimeout } from '../../timeout.ts'
import type { Context } from '../shared/context.ts'

/** How long the user may take to answer the browser's prompt. A headless Firefox never answers. */
const PERSISTENCE_TIMEOUT_MS = 30_000

/**
 * Asks the browser to keep the stored data until the user clears it.
 *
 * @returns true if it is kept; a later answer still updates the state
 */
export async function requestPersistence(context: Context): Promise<boolean> {
  const { durability } = context.store
  const manager = globalThis.navigator?.storage
  if (durability !== 'evictable' || !manager?.persist) return durability === 'persistent'
  const asked = manager.persist().then(
    (isKept) => note(context, isKept),
    () => false,
  )
  return withTimeout(asked, PERSISTENCE_TIMEOUT_MS, () => false)
}

/** Reads whether the browser already keeps the data. Nothing waits for it: some engines never answer. */
export function readPersistence(context: Context): void {
  if (context.store.durability !== 'evictable') return
  void globalThis.navigator?.storage?.persisted?.().then(
    (isKept) => note(context, isKept),
    () => {},
  )
}

function note(context: Context, isKept: boolean): boolean {
  if (isKept) context.learn({ durability: 'persistent' })
  return isKept
}
