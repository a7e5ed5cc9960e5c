import { createAuth } from 'latchkey'

const GATE = 'gate'

let openGate: (() => void) | undefined
let finish: Promise<string | undefined> | undefined

/** Closes the gate: no page that joins from now on starts before {@link startRace}. */
export function closeGate(): Promise<void> {
  return new Promise((resolve) => {
    void navigator.locks.request(
      GATE,
      () =>
        new Promise<void>((open) => {
          openGate = open
          resolve()
        }),
    )
  })
}

/** Makes this page wait behind the gate, and then start the library for the first time. */
export function joinRace(): void {
  finish = navigator.locks
    .request(GATE, { mode: 'shared' }, () => {})
    .then(async () => {
      const auth = createAuth()
      await auth.ready
      return auth.getState().session?.principal
    })
}

/** Opens the gate once so many pages wait behind it. */
export async function startRace(pages: number): Promise<void> {
  const countWaiting = async (): Promise<number> =>
    (await navigator.locks.query()).pending!.filter(({ name }) => name === GATE).length
  while ((await countWaiting()) < pages) continue
  openGate!()
}

/** Returns the principal that this page ended with. */
export async function finishRace(): Promise<string | undefined> {
  return finish
}
