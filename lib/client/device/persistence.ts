import type { Runtime } from '../shared/context.ts'

/** How long a person may think about the browser's question, in milliseconds. A headless Firefox never answers. */
const PATIENCE = 30_000

/**
 * Asks the browser to keep what is stored until the person clears it.
 *
 * @returns whether it is kept; an answer that comes later still shows in the state
 */
export async function requestPersistence(runtime: Runtime): Promise<boolean> {
  const { durability } = runtime.store
  const manager = globalThis.navigator?.storage
  if (durability !== 'evictable' || !manager?.persist) return durability === 'persistent'
  const asked = manager.persist().then(
    (isKept) => note(runtime, isKept),
    () => false,
  )
  let timer: ReturnType<typeof setTimeout> | undefined
  const patience = new Promise<boolean>((resolve) => (timer = setTimeout(resolve, PATIENCE, false)))
  return Promise.race([asked, patience]).finally(() => clearTimeout(timer))
}

/** Learns whether the browser keeps what is stored already. Nobody waits for it: some engines never say. */
export function readPersistence(runtime: Runtime): void {
  if (runtime.store.durability !== 'evictable') return
  void globalThis.navigator?.storage?.persisted?.().then(
    (isKept) => note(runtime, isKept),
    () => {},
  )
}

function note(runtime: Runtime, isKept: boolean): boolean {
  if (isKept) runtime.learn({ durability: 'persistent' })
  return isKept
}
