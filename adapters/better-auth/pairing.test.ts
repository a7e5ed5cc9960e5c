import { admin } from 'better-auth/plugins'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { Auth, AuthOptions } from '../../lib/index.ts'
import { type AccountOffer, type Approval, type Arrival, type Pairing, createPairing } from '../../lib/pairing.ts'
import { manualClock } from '../../lib/testing.ts'
import { load, settled } from './testing/pages.testing.ts'
import { memoryStorage, withPairing } from './testing/pairing.testing.ts'
import { onEachEngine } from './testing/engines.testing.ts'
import { post, userOf } from './testing/requests.testing.ts'
import { AUDIENCE, type TestBrowser, type TestServer, person, testServer } from './testing/server.testing.ts'

const ada = person('ada')

interface Device {
  readonly browser: TestBrowser
  readonly auth: Auth
  readonly pairing: Pairing
}

async function device(server: TestServer, deviceName: string, options: AuthOptions = {}): Promise<Device> {
  const browser = server.browser()
  const auth = await load(browser, options)
  const send: typeof fetch = (input, init) => browser.send(String(input).replace(AUDIENCE, ''), init)
  const given = { server: AUDIENCE, url: 'https://notes.example/', fetch: send, interval: 20 }
  return { browser, auth, pairing: createPairing(auth, { ...given, deviceName }) }
}

/** A device that is still waiting would keep polling its server. */
const met: { cancel(): Promise<unknown> }[] = []
afterEach(() => Promise.all(met.splice(0).map((one) => one.cancel())))

async function greet(old: Device, fresh: Device): Promise<{ approval: Approval; arrival: Arrival }> {
  const shown = await old.pairing.addDevice({ label: 'my notes' })
  const [arrival, approval] = await Promise.all([fresh.pairing.join(shown.text), shown.met()])
  met.push(approval)
  return { approval, arrival }
}

/** Both users confirm. */
async function offered(old: Device, fresh: Device): Promise<{ offer: AccountOffer; given: Promise<string> }> {
  const { approval, arrival } = await greet(old, fresh)
  await approval.check(arrival.checkCode)
  const given = approval.approve()
  given.catch(() => {})
  const offer = await arrival.offer()
  if (offer.mode !== 'account') throw new Error(`expected an account, got ${offer.mode}`)
  return { offer, given }
}

async function withAccount(server: TestServer, options: AuthOptions = {}): Promise<Device> {
  const old = await device(server, 'laptop', options)
  expect((await old.auth.upgrade(() => old.browser.client.signUp.email(ada))).outcome).toBe('upgraded')
  return old
}

/** Changes the cookies of a browser between the redemption of a grant and the look at its session. */
function afterRedemption(browser: TestBrowser, change: (cookies: TestBrowser['cookies']) => void): void {
  const { send } = browser
  browser.send = async (path, init) => {
    const answer = await send(path, init)
    if (path === '/latchkey/pair/redeem') change(browser.cookies)
    return answer
  }
}

const principalOf = ({ auth }: Device): string => auth.getState().session!.principal
const open = (): Promise<TestServer> => testServer({ plugins: withPairing() })

onEachEngine((newServer) => {
  test('a new device gets the identity over a real server, before there is an account (checklist 32: pairing gives the secret)', async () => {
    const server = await newServer({ plugins: withPairing() })
    const [old, fresh] = [await device(server, 'laptop'), await device(server, 'phone')]
    const { approval, arrival } = await greet(old, fresh)
    await approval.check(arrival.checkCode)
    const given = approval.approve()
    const offer = await arrival.offer()
    if (offer.mode !== 'secret') throw new Error('expected an identity')
    await offer.accept({ replace: true })
    expect(await given).toBe('done')
    expect(principalOf(fresh)).toBe(principalOf(old))
    // Removed: it is left to expire, without a message.
    expect(await server.rows('latchkeyRendezvous')).toMatchObject([{ data: '' }])
    expect(await server.rows('user')).toEqual([])
  })

  test('a new device gets a session of the account, after the server said whose it is (checklist 32: pairing gives a session)', async () => {
    const server = await newServer({ plugins: withPairing() })
    const old = await withAccount(server)
    await server.change('user', { emailVerified: true })
    const fresh = await device(server, 'phone')
    const { offer, given } = await offered(old, fresh)
    const { id } = await userOf(server)
    expect(offer).toMatchObject({
      mode: 'account',
      accountId: id,
      principal: principalOf(old),
      identifiers: [ada.email],
      label: 'my notes',
    })
    expect(fresh.auth.getState().authMode).toBe('local-first')
    expect(await offer.accept()).toMatchObject({ outcome: 'switched', session: { principal: principalOf(old) } })
    expect(await given).toBe('done')
    expect(fresh.auth.getState()).toMatchObject({ authMode: 'external', session: { principal: principalOf(old) } })
    expect(await fresh.auth.getToken()).toBeTruthy()
    const paired = (await server.rows('session')).filter(({ pairedBy }) => pairedBy !== null)
    expect(paired).toHaveLength(1)
  })
})

describe('an approval that was cancelled', () => {
  test('is withdrawn: the new device, which has the grant, gets no session', async () => {
    const server = await open()
    const old = await withAccount(server)
    const fresh = await device(server, 'phone')
    const { approval, arrival } = await greet(old, fresh)
    await approval.check(arrival.checkCode)
    const given = codeOf(approval.approve())
    const offer = (await arrival.offer()) as AccountOffer
    expect(await approval.cancel()).toBe(true)
    expect(await given).toBe('RENDEZVOUS_ENDED')
    expect(await server.rows('latchkeyGrant')).toEqual([])
    // A new device that does not ask the rendezvous first.
    expect(await codeOf(offer.accept())).toMatch(/^(RENDEZVOUS_ENDED|GRANT_INVALID)$/)
    expect(await server.rows('session')).toHaveLength(1)
    expect(await approval.cancel()).toBe(true)
  })

  test('by a signal is withdrawn as well, and so is one that the other device refuses', async () => {
    const server = await open()
    const old = await withAccount(server)
    const fresh = await device(server, 'phone')
    const stop = new AbortController()
    const shown = await old.pairing.addDevice({ signal: stop.signal })
    const [arrival, approval] = await Promise.all([fresh.pairing.join(shown.text), shown.met()])
    await approval.check(arrival.checkCode)
    const given = codeOf(approval.approve())
    await arrival.offer()
    expect(await server.rows('latchkeyGrant')).toHaveLength(1)
    stop.abort()
    expect(await given).toBe('RENDEZVOUS_ENDED')
    expect(await server.rows('latchkeyGrant')).toEqual([])

    const { offer, given: second } = await offered(old, fresh)
    await offer.refuse()
    expect(await second).toBe('refused')
    expect(await server.rows('latchkeyGrant')).toEqual([])
  })

  test.each([
    ['then refuses', (offer: AccountOffer) => offer.refuse()],
    ['says nothing', (_: AccountOffer, arrival: Arrival) => arrival.cancel()],
  ])('is done if the other device has used the grant, and %s', async (_, answer) => {
    const server = await open()
    const old = await withAccount(server)
    const fresh = await device(server, 'phone')
    const { approval, arrival } = await greet(old, fresh)
    await approval.check(arrival.checkCode)
    const given = approval.approve()
    given.catch(() => {})
    const offer = (await arrival.offer()) as AccountOffer
    afterRedemption(fresh.browser, () => {
      throw new TypeError('the response is lost')
    })
    expect(await codeOf(offer.accept())).toBe('OFFLINE')
    await answer(offer, arrival)
    expect(await given).toBe('done')
    expect(await approval.cancel()).toBe(false)
    expect(await server.rows('session')).toHaveLength(2)
  })

  test('by the other device, while the server cannot say whether the grant was used, is not called refused', async () => {
    const server = await open()
    const old = await withAccount(server)
    const { offer, given } = await offered(old, await device(server, 'phone'))
    const { send } = old.browser
    old.browser.send = (path, init) =>
      path === '/latchkey/pair/withdraw' ? Promise.reject(new TypeError('no network')) : send(path, init)
    await offer.refuse()
    expect(await codeOf(given)).toBe('OFFLINE')
  })

  test('by the other device after the grant expired is refused: no session was made', async () => {
    const clock = manualClock(Date.now())
    const server = await testServer({ plugins: withPairing({}, { clock: clock.now }) })
    const old = await withAccount(server)
    const { offer, given } = await offered(old, await device(server, 'phone'))
    clock.advance(121_000)
    // The pairing of another user deletes grants that expired long ago.
    const eve = await device(server, 'desk')
    await eve.auth.upgrade(() => eve.browser.client.signUp.email(person('eve')))
    await offered(eve, await device(server, 'tablet'))
    await offer.refuse()
    expect(await given).toBe('refused')
  })

  test('by the other device is refused, even if its approver has approved another one meanwhile', async () => {
    const server = await open()
    const old = await withAccount(server)
    const { offer, given } = await offered(old, await device(server, 'phone'))
    await offered(old, await device(server, 'tablet'))
    await offer.refuse()
    expect(await given).toBe('refused')
    expect(await server.rows('session')).toHaveLength(1)
  })

  test('too late says so: the device is in, and the user can revoke it', async () => {
    const server = await open()
    const old = await withAccount(server)
    const { approval, arrival } = await greet(old, await device(server, 'phone'))
    await approval.check(arrival.checkCode)
    const given = approval.approve()
    const offer = (await arrival.offer()) as AccountOffer
    await offer.accept()
    expect(await given).toBe('done')
    expect(await approval.cancel()).toBe(false)
    expect(await server.rows('session')).toHaveLength(2)
  })

  test('without a network does not say that nothing was given', async () => {
    const server = await open()
    const old = await withAccount(server)
    const { approval, arrival } = await greet(old, await device(server, 'phone'))
    await approval.check(arrival.checkCode)
    const given = codeOf(approval.approve())
    await arrival.offer()
    vi.spyOn(old.browser, 'send').mockRejectedValue(new TypeError('no network'))
    expect(await approval.cancel()).toBe(false)
    expect(await given).toBe('RENDEZVOUS_ENDED')
  })
})

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'none',
    (error: { code?: string }) => error.code ?? String(error),
  )

describe('with an account', () => {
  test('no secret leaves the device: the new one derives other keys', async () => {
    const server = await open()
    const old = await withAccount(server, { harden: 'never' })
    const secret = await old.auth.exportSecret()
    const fresh = await device(server, 'phone')
    const { offer } = await offered(old, fresh)
    await offer.accept()
    const sent = await Promise.all(
      [...old.browser.requests, ...fresh.browser.requests].map((request) => request.text()),
    )
    expect(sent.join('\n')).not.toContain(secret)
    expect(JSON.stringify(await fresh.browser.store.read())).not.toContain(secret)
    expect(await fresh.auth.listIdentities()).toHaveLength(1)
  })

  test('a hardened device lets another one in', async () => {
    const server = await open()
    const old = await withAccount(server, { harden: 'always' })
    await settled(old.auth, { storage: { protection: 'hardened' } })
    const { offer } = await offered(old, await device(server, 'phone'))
    expect((await offer.accept()).outcome).toBe('switched')
  })

  test('a device that signed in without a key of the account lets another one in, too', async () => {
    const server = await open()
    await withAccount(server)
    const second = await device(server, 'tablet', { initialMode: 'anonymous' })
    expect((await second.auth.upgrade(() => second.browser.client.signIn.email(ada))).outcome).toBe('switched')
    const { offer } = await offered(second, await device(server, 'phone'))
    expect((await offer.accept()).outcome).toBe('switched')
  })

  test('data on the new device makes a conflict, as after every sign-in', async () => {
    const server = await open()
    const old = await withAccount(server)
    const fresh = await device(server, 'phone')
    await fresh.auth.markWritten()
    const { offer } = await offered(old, fresh)
    expect((await offer.accept()).outcome).toBe('conflict')
    expect(fresh.auth.getState().session!.principal).not.toBe(principalOf(old))
    expect((await fresh.auth.resolveConflict('adopt')).outcome).toBe('adopted')
  })

  test('a sign-in too long ago lets no device in, and the new one gets nothing', async () => {
    const server = await open()
    const old = await withAccount(server)
    await server.change('session', { createdAt: new Date(Date.now() - 600_000) })
    const fresh = await device(server, 'phone')
    const { approval, arrival } = await greet(old, fresh)
    await approval.check(arrival.checkCode)
    await expect(approval.approve()).rejects.toMatchObject({ code: 'SESSION_NOT_FRESH' })
    await expect(arrival.offer()).rejects.toMatchObject({ code: 'RENDEZVOUS_ENDED' })
    expect(await server.rows('latchkeyGrant')).toEqual([])
  })

  test('a device that was let in lets no other one in', async () => {
    const server = await open()
    const old = await withAccount(server)
    const fresh = await device(server, 'phone')
    await (await offered(old, fresh)).offer.accept()
    const third = await device(server, 'tablet')
    const { approval, arrival } = await greet(fresh, third)
    await approval.check(arrival.checkCode)
    await expect(approval.approve()).rejects.toMatchObject({ code: 'SESSION_PAIRED' })
  })

  test('a grant that was withdrawn before it was accepted changes nothing on the new device', async () => {
    const server = await open()
    const old = await withAccount(server)
    const fresh = await device(server, 'phone')
    const before = await fresh.browser.store.read()
    const { offer } = await offered(old, fresh)
    await old.auth.signOut()
    await expect.poll(() => server.rows('session')).toEqual([])
    await expect(offer.accept()).rejects.toMatchObject({ code: 'GRANT_INVALID' })
    expect(await fresh.browser.store.read()).toEqual(before)
    expect(fresh.auth.getState().authMode).toBe('local-first')
  })

  test('a session that another user put into the browser meanwhile is not taken', async () => {
    const server = await open()
    const old = await withAccount(server)
    const eve = server.browser()
    expect((await eve.client.signUp.email(person('eve'))).error).toBeNull()
    const fresh = await device(server, 'phone')
    const { offer } = await offered(old, fresh)
    afterRedemption(fresh.browser, (cookies) => {
      for (const [name, value] of eve.cookies) cookies.set(name, value)
    })
    await expect(offer.accept()).rejects.toMatchObject({ code: 'IDENTITY_CHANGED' })
    expect(fresh.auth.getState().authMode).toBe('local-first')
  })

  test('a device that got an account meanwhile is not signed in to another one', async () => {
    const server = await open()
    const old = await withAccount(server)
    const fresh = await device(server, 'phone')
    const { offer } = await offered(old, fresh)
    const grace = person('grace')
    expect((await fresh.auth.upgrade(() => fresh.browser.client.signUp.email(grace))).outcome).toBe('upgraded')
    await expect(offer.accept()).rejects.toMatchObject({ code: 'IDENTITY_CHANGED' })
    expect((await fresh.browser.client.getSession()).data!.user.email).toBe(grace.email)
    expect((await server.rows('session')).map(({ pairedBy }) => pairedBy)).toEqual([null, null])
  })

  test('a device that is signing in to an account gets no session of another one', async () => {
    const server = await open()
    const old = await withAccount(server)
    const fresh = await device(server, 'phone')
    const { offer } = await offered(old, fresh)
    let end: (() => void) | undefined
    const upgrading = fresh.auth.upgrade(() => new Promise<void>((resolve) => (end = resolve)))
    await expect.poll(() => end).toBeDefined()
    await expect(offer.accept()).rejects.toMatchObject({ code: 'UPGRADE_IN_PROGRESS' })
    expect((await server.rows('session')).map(({ pairedBy }) => pairedBy)).toEqual([null])
    end!()
    await upgrading
  })

  test('accepted twice at once, by two clicks, signs in once', async () => {
    const server = await open()
    const old = await withAccount(server)
    const { offer } = await offered(old, await device(server, 'phone'))
    const results = await Promise.all([offer.accept(), offer.accept()])
    expect(results.map(({ outcome }) => outcome)).toEqual(['switched', 'switched'])
    expect(await server.rows('session')).toHaveLength(2)
  })

  test('without a network after the grant was redeemed fails for that reason, and can be accepted again', async () => {
    const server = await open()
    const old = await withAccount(server)
    const fresh = await device(server, 'phone')
    const { offer, given } = await offered(old, fresh)
    const cut: TestBrowser['intercept'] = (request, forward) => {
      fresh.browser.intercept = cut
      return request.url.includes('/latchkey/session') ? Promise.reject(new TypeError('no network')) : forward()
    }
    fresh.browser.intercept = cut
    expect(await offer.accept()).toMatchObject({ outcome: 'failed', error: { code: 'OFFLINE' } })
    expect(await given).toBe('done')
    expect(fresh.auth.getState().authMode).toBe('local-first')
    fresh.browser.intercept = null
    expect((await offer.accept()).outcome).toBe('switched')
    expect(await server.rows('session')).toHaveLength(2)
  })

  test('a device whose browser does not keep the cookie is told so', async () => {
    const server = await open()
    const old = await withAccount(server)
    const fresh = await device(server, 'phone')
    const { offer } = await offered(old, fresh)
    afterRedemption(fresh.browser, (cookies) => cookies.clear())
    expect(await offer.accept()).toMatchObject({ outcome: 'failed', error: { code: 'SESSION_NOT_KEPT' } })
    expect(fresh.auth.getState().authMode).toBe('local-first')
  })

  test('a device with an account, or with a conflict, is no new one', async () => {
    const server = await open()
    const old = await withAccount(server)
    const { text } = await old.pairing.addDevice()
    await expect(old.pairing.join(text)).rejects.toMatchObject({ code: 'IDENTITY_CHANGED' })
    await expect(old.pairing.showCode()).rejects.toMatchObject({ code: 'IDENTITY_CHANGED' })
    const fresh = await device(server, 'phone')
    await fresh.auth.markWritten()
    expect((await fresh.auth.upgrade(() => fresh.browser.client.signIn.email(ada))).outcome).toBe('conflict')
    await expect(fresh.pairing.join(text)).rejects.toMatchObject({ code: 'CONFLICT' })
  })

  test('a server that requires a nonce in every proof gets one', async () => {
    const server = await testServer({ plugins: withPairing({}, { requireNonce: true }) })
    const old = await device(server, 'laptop', { initialMode: 'anonymous' })
    expect((await old.auth.upgrade(() => old.browser.client.signUp.email(ada))).outcome).not.toBe('failed')
    const { offer } = await offered(old, await device(server, 'phone'))
    expect((await offer.accept()).outcome).toBe('switched')
  })

  test('devices whose clocks are an hour behind the server pair', async () => {
    const server = await testServer({ plugins: withPairing({}, { clock: () => Date.now() + 3_600_000 }) })
    const old = await withAccount(server)
    const { offer } = await offered(old, await device(server, 'phone'))
    expect((await offer.accept()).outcome).toBe('switched')
  })

  test('a ban between the offer and its acceptance leaves the device outside', async () => {
    const server = await testServer({ plugins: [...withPairing(), admin()] })
    const old = await withAccount(server)
    const { offer } = await offered(old, await device(server, 'phone'))
    await server.change('user', { banned: true })
    await expect(offer.accept()).rejects.toMatchObject({ code: 'GRANT_INVALID' })
  })

  test('a rendezvous in a secondary storage serves both devices', async () => {
    const server = await testServer({ plugins: withPairing({ rendezvousStore: memoryStorage() }) })
    const old = await withAccount(server)
    const { offer, given } = await offered(old, await device(server, 'phone'))
    expect((await offer.accept()).outcome).toBe('switched')
    expect(await given).toBe('done')
    expect(await server.rows('latchkeyRendezvous')).toEqual([])
  })

  test('an old session of the browser does not come back with the new device', async () => {
    const server = await open()
    const old = await withAccount(server)
    const fresh = await device(server, 'phone')
    expect((await fresh.browser.send('/sign-up/email', post(person('grace')))).status).toBe(200)
    const { offer } = await offered(old, fresh)
    expect((await offer.accept()).outcome).toBe('switched')
    expect(principalOf(fresh)).toBe(principalOf(old))
  })
})
