import { createAuth } from 'latchkey/worker'
import { AUDIENCE, type Who } from './who.ts'

const auth = createAuth({ audience: AUDIENCE })
const start = crypto.randomUUID()

async function who(): Promise<Who> {
  await auth.ready
  return { principal: auth.getState().session?.principal, token: await auth.getToken(), start }
}

chrome.runtime.onMessage.addListener((_message, _sender, answer) => {
  void who().then(answer)
  // The answer comes later.
  return true
})
