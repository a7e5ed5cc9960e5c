// Renders the React app of the harness in plain Node, and tells what of the browser it reached for on the way.
import { createElement } from 'react'
import { renderToString } from 'react-dom/server'

const ABSENT = [
  'window',
  'document',
  'location',
  'indexedDB',
  'localStorage',
  'sessionStorage',
  'caches',
  'addEventListener',
  'XMLHttpRequest',
]
const PRESENT = ['BroadcastChannel', 'fetch', 'setInterval']

/** @type {string[]} */
let touched = []
for (const name of ABSENT) Object.defineProperty(globalThis, name, { get: () => void touched.push(name) })
for (const name of PRESENT) {
  const real = Reflect.get(globalThis, name)
  Object.defineProperty(globalThis, name, { get: () => (touched.push(name), real) })
}

function take() {
  const taken = touched
  touched = []
  return taken
}

/** @type {string[]} */
const asked = []
const ask = (/** @type {string} */ name) => async () => void asked.push(name)
const account = /** @type {never} */ ({
  getSession: ask('getSession'),
  getToken: ask('getToken'),
  signOut: ask('signOut'),
})

const { createAuth } = await import('latchkey')
await import('latchkey/react')
const byImport = take()

const { App, auth } = await import('../../harness/react/app.mjs')
take()
const withAccount = createAuth({ name: 'with-account', account, audience: 'https://notes.example' })
const first = renderToString(createElement(App, { auth: withAccount }))
const byRendering = take()

await Promise.all([auth.ready, withAccount.ready])
const second = renderToString(createElement(App))
const codeOf = (/** @type {{ code: string }} */ { code }) => code
const token = await withAccount.getToken().catch(codeOf)
const identity = await withAccount.ensureIdentity().catch(codeOf)

// Only when nothing is left to wait for: no channel, no timer, no connection keeps the process.
process.once('beforeExit', () => {
  console.log(
    JSON.stringify({
      first,
      second,
      token,
      identity,
      asked,
      byImport,
      byRendering,
      afterwards: take(),
      state: auth.getState(),
    }),
  )
})
