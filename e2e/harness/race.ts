import { createAuth } from 'latchkey'

const CHANNEL = 'race'

let finish: Promise<string | undefined> | undefined

/** Makes this page wait for the word, and then start the library for the first time. */
export function joinRace(): void {
  const gate = new BroadcastChannel(CHANNEL)
  const word = new Promise((resolve) => (gate.onmessage = resolve))
  finish = word.then(async () => {
    gate.close()
    const auth = createAuth()
    await auth.ready
    return auth.getState().session?.principal
  })
}

/** Gives the word to every page that joined. */
export function startRace(): void {
  const gate = new BroadcastChannel(CHANNEL)
  gate.postMessage('go')
  gate.close()
}

/** Returns the principal that this page ended with. */
export async function finishRace(): Promise<string | undefined> {
  return finish
}
