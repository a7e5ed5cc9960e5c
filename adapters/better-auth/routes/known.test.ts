import { expect, test } from 'vitest'
import { createRecovery } from '../../../lib/recovery.ts'
import { type TestDevice, testDevice } from '../../../lib/testing.ts'
import { betterAuthAccount } from '../client/index.ts'
import { PROOF_HEADER, latchkey, latchkeyJwt } from '../index.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import { elsewhere, link, unlink } from '../testing/link.testing.ts'
import { codeOf, newPerson, post, userOf } from '../testing/requests.testing.ts'
import { AUDIENCE, type TestServer, person, testServer } from '../testing/server.testing.ts'

const ada = person('ada')

/** Asks from a browser that has nothing but the key. */
async function ask(server: TestServer, device: TestDevice): Promise<unknown> {
  const proof = await device.proof({ audience: AUDIENCE, purpose: 'known' })
  return (await server.browser().send('/latchkey/known', post({}, { [PROOF_HEADER]: proof }))).json()
}

const answer = (isKnown: boolean) => ({ isKnown, now: expect.any(Number) as number })

onEachEngine((newServer) => {
  test('a key is known from the sign-up with its proof on, also after the account was deleted', async () => {
    const server = await newServer({ user: { deleteUser: { enabled: true } } })
    const one = await newPerson(server)
    expect(await ask(server, one.device)).toEqual(answer(false))
    await one.prove('/sign-up/email', ada)
    expect(await ask(server, one.device)).toEqual(answer(true))
    await one.session()
    expect((await one.browser.send('/delete-user', post({ password: ada.password }))).status).toBe(200)
    expect(await ask(server, one.device)).toEqual(answer(true))
  })

  test('a key is known from its adoption on, also after it was undone', async () => {
    const server = await newServer()
    const one = await newPerson(server)
    await one.prove('/sign-up/email', ada)
    const two = await elsewhere(server, ada)
    expect(await ask(server, two.device)).toEqual(answer(false))
    expect((await link(two, two.device)).status).toBe(200)
    expect(await ask(server, two.device)).toEqual(answer(true))
    expect((await unlink(two, two.device.principal)).status).toBe(200)
    expect(await ask(server, two.device)).toEqual(answer(true))
  })

  test('a key is known after a reset gave its principal back', async () => {
    const server = await newServer()
    const one = await newPerson(server)
    await one.prove('/sign-up/email', ada)
    await one.session()
    await server.change('user', { principal: null, principalEpoch: null })
    expect(await ask(server, one.device)).toEqual(answer(true))
  })

  test('a key is not known after a link that the app refused', async () => {
    const onLink = () => {
      throw new Error('refused by the app')
    }
    const server = await newServer({ plugins: [latchkey({ onLink }), latchkeyJwt()] })
    await (await newPerson(server)).prove('/sign-up/email', ada)
    const two = await elsewhere(server, ada)
    expect((await link(two, two.device)).status).not.toBe(200)
    expect(await ask(server, two.device)).toEqual(answer(false))
  })

  test('another key with the same principal is not known', async () => {
    const server = await newServer()
    const one = await newPerson(server)
    await one.prove('/sign-up/email', ada)
    await server.change('latchkeyPrincipal', { thumbprint: (await testDevice()).thumbprint })
    expect(await ask(server, one.device)).toEqual(answer(false))
  })

  test('the question changes nothing, and leaves an open account open', async () => {
    const server = await newServer()
    const one = await newPerson(server)
    await one.browser.send('/sign-up/email', post(ada))
    const rows = () =>
      Promise.all(['user', 'session', 'latchkeyPrincipal', 'latchkeyKey', 'latchkeyAudit'].map(server.rows))
    const before = await rows()
    const proof = await one.device.proof({ audience: AUDIENCE, purpose: 'known' })
    await one.browser.send('/latchkey/known', post({}, { [PROOF_HEADER]: proof }))
    expect(await rows()).toEqual(before)
    expect(await userOf(server)).toMatchObject({ principalOpen: true })
  })
})

test('a question about a key requires an unused proof of that key for this purpose', async () => {
  const server = await testServer()
  const one = await newPerson(server)
  await one.prove('/sign-up/email', ada)
  const send = (headers: Record<string, string>) => one.browser.send('/latchkey/known', post({}, headers))
  const proof = await one.device.proof({ audience: AUDIENCE, purpose: 'known' })
  expect(await (await send({ [PROOF_HEADER]: proof })).json()).toEqual(answer(true))
  const replayed = await send({ [PROOF_HEADER]: proof })
  expect([replayed.status, await codeOf(replayed)]).toEqual([401, 'PROOF_REPLAYED'])
  for (const purpose of ['upgrade', 'exchange'] as const)
    expect(await codeOf(await send({ [PROOF_HEADER]: await one.device.proof({ audience: AUDIENCE, purpose }) }))).toBe(
      'PROOF_PURPOSE_MISMATCH',
    )
  const elsewhereProof = await one.device.proof({ audience: 'https://eve.example', purpose: 'known' })
  expect(await codeOf(await send({ [PROOF_HEADER]: elsewhereProof }))).toBe('TOKEN_AUDIENCE_MISMATCH')
  expect((await send({})).status).toBeGreaterThanOrEqual(400)
})

test('where every proof needs a nonce, so does this one', async () => {
  const server = await testServer({ plugins: [latchkey({ requireNonce: true }), latchkeyJwt()] })
  const [browser, device] = [server.browser(), await testDevice()]
  const send = async (nonce?: string) => {
    const proof = await device.proof({ audience: AUDIENCE, purpose: 'known', nonce })
    return browser.send('/latchkey/known', post({}, { [PROOF_HEADER]: proof }))
  }
  expect(await codeOf(await send())).toBe('PROOF_NONCE_MISSING')
  const challenge = await browser.send('/latchkey/challenge', post({ purpose: 'known' }))
  const { nonce } = (await challenge.json()) as { nonce: string }
  expect(await (await send(nonce)).json()).toEqual(answer(false))
  expect(await codeOf(await send(nonce))).toBe('PROOF_REPLAYED')
})

test('the preview of a restore says whether Better Auth knows the identity', async () => {
  const server = await testServer()
  const browser = server.browser()
  const auth = await browser.load()
  const secret = await auth.exportSecret()
  const fresh = server.browser()
  const recovery = createRecovery(await fresh.load(), { account: betterAuthAccount(fresh.client) })
  expect(await recovery.readSecret(secret)).toMatchObject({ knownToServer: false })
  await auth.upgrade(() => browser.client.signUp.email(ada))
  expect(await recovery.readSecret(secret)).toMatchObject({ knownToServer: true })
})
