import { withTimeout } from '../../timeout.ts'
import type { Context } from '../shared/context.ts'

/** How long the user may think about the browser's question. A headless Firefox never answers. */
const PERSISTENCE_TIMEOUT_MS = 30_000

/**
 * Asks the browser to keep what is stored until the user clears it.
 *
 * @returns whether it is kept; an answer that comes later still shows in the state
 */
export async function requestPersistence(context: Context): Promise<boolean> {
  const { durability } = context.store
  const manager = globalThis.navigator?.storage
  if (durability !== 'evictable' || !manager?.persist) return durability === 'persistent'
  const asked = manager.persist().then(
    (isKept) => note(context, isKept),
    () => false,
  )
  return (await withTimeout(asked, PERSISTENCE_TIMEOUT_MS)) === true
}

/** Reads whether the browser keeps what is stored already. Nothing waits for it: some engines never answer. */
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
