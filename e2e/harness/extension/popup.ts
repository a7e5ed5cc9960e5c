import { createAuth } from 'latchkey'
import { AUDIENCE } from './who.ts'

const auth = createAuth({ audience: AUDIENCE })

globalThis.popup = {
  async who() {
    await auth.ready
    return { principal: auth.getState().session?.principal, token: await auth.getToken() }
  },
  ask: () => chrome.runtime.sendMessage('who'),
  async untold() {
    const untold = createAuth()
    await untold.ready
    return untold.getToken().then(String, String)
  },
}
