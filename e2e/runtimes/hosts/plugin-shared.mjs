import * as plugins from 'latchkey/better-auth'
import { testDevice } from 'latchkey/testing'
import { AUDIENCE, serverOn } from '../../databases/server.mjs'

// Without AsyncLocalStorage: Better Auth keeps the current request in one variable.
const server = serverOn(undefined, plugins)
const device = await testDevice()

/** @param {string} path @param {string} [email] @param {boolean} [hasProof] */
async function ask(path, email, hasProof) {
  const proof = await device.proof({ audience: AUDIENCE, purpose: 'upgrade' })
  const { status, body } = await server.call({
    path,
    ...(email && { body: { email, password: 'correct horse battery', name: 'Ada' } }),
    headers: hasProof ? { 'x-latchkey-proof': proof } : {},
  })
  return [path, status, body?.code ?? null]
}

console.log(
  JSON.stringify([
    await ask('/sign-up/email', 'ada@example.com', true),
    await ask('/sign-up/email', 'ada@example.com'),
    await ask('/latchkey/session'),
    await ask('/token'),
    await ask('/get-session'),
  ]),
)
