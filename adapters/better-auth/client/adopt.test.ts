import { emailOTP } from 'better-auth/plugins'
import { describe, expect, test, vi } from 'vitest'
import type { AuthOptions } from '../../../lib/index.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import { latchkey, latchkeyJwt } from '../index.ts'
import { mailing, post, userOf } from '../testing/requests.testing.ts'
import { type TestServer, person } from '../testing/server.testing.ts'

const ada = person('ada')
const API = 'https://api.example'

const payloadOf = (token: string | null): Record<string, unknown> =>
  JSON.parse(Buffer.from(token!.split('.')[1]!, 'base64url').toString())
const aliasesOf = (token: string | null): unknown => payloadOf(token)['aliases']

onEachEngine((newServer) => {
  /** Ada's account, made on her first device, and a second device that holds something. */
  async function secondDevice(options: AuthOptions = {}, made?: TestServer) {
    const server = made ?? (await newServer())
    const [first, second] = [server.browser(), server.browser()]
    const one = await first.load()
    await one.upgrade(() => first.client.signUp.email(ada))
    const two = await second.load({ harden: 'never', ...options })
    await two.markWritten()
    const signIn = () => two.upgrade(() => second.client.signIn.email(ada))
    return {
      server,
      first,
      second,
      one,
      two,
      signIn,
      canonical: one.getState().session!.principal,
      alias: two.getState().session!.principal,
    }
  }

  describe('a second device that holds something', () => {
    test('adopts: nothing is lost, and every device sees both (checklist 27: adopt)', async () => {
      const { server, first, two, signIn, canonical, alias } = await secondDevice()
      expect(await signIn()).toMatchObject({
        outcome: 'conflict',
        conflict: { principal: alias, account: { principal: canonical } },
      })
      expect(await two.resolveConflict('adopt')).toMatchObject({
        outcome: 'adopted',
        session: { principal: canonical, principals: [canonical, alias] },
      })
      expect(await server.rows('latchkeyPrincipal')).toContainEqual(
        expect.objectContaining({ principal: alias, kind: 'alias', userId: (await userOf(server))['id'] }),
      )
      expect((await first.load()).getState().session!.principal).toBe(canonical)
      expect(payloadOf(await two.getToken())).toMatchObject({ sub: canonical, aliases: [alias] })
    })

    test('adopts, and then verifies the address there: the account keeps both principals', async () => {
      const mails = mailing()
      const plugins = [emailOTP({ sendVerificationOTP: (mail) => mails.send(mail) })]
      const { server, second, two, signIn, canonical, alias } = await secondDevice({}, await newServer({ plugins }))
      await signIn()
      await two.resolveConflict('adopt')
      const address = { email: ada.email, type: 'email-verification' }
      await server.browser().send('/email-otp/send-verification-otp', post(address))
      const body = { email: ada.email, otp: mails.last().otp }
      const verify = () => second.client.$fetch('/email-otp/verify-email', { method: 'POST', body })
      expect(await two.upgrade(verify)).toMatchObject({
        outcome: 'upgraded',
        session: { principal: canonical, principals: [canonical, alias] },
      })
      expect(await userOf(server)).toMatchObject({ principal: canonical, emailVerified: true })
    })

    test('whose response was lost after the server had recorded it, finds it done', async () => {
      const { server, second, two, signIn, canonical, alias } = await secondDevice()
      await signIn()
      let isLost = false
      const original = second.intercept
      const lose = async (request: Request, forward: () => Promise<Response>): Promise<Response> => {
        const response = await forward()
        if (!request.url.endsWith('/latchkey/link')) return ((second.intercept = lose), response)
        isLost = true
        throw new TypeError('fetch failed')
      }
      second.intercept = lose
      expect(await two.resolveConflict('adopt')).toMatchObject({ outcome: 'failed', error: { code: 'OFFLINE' } })
      second.intercept = original
      expect(isLost).toBe(true)
      expect(two.getState()).toMatchObject({ phase: 'conflict', session: { principal: alias } })
      expect(await two.resolveConflict('adopt')).toMatchObject({
        outcome: 'adopted',
        session: { principals: [canonical, alias] },
      })
      expect((await server.rows('latchkeyPrincipal')).filter(({ kind }) => kind === 'alias')).toHaveLength(1)
    })

    test('undoes it: the alias is independent again (checklist 27: undo)', async () => {
      const { server, two, signIn, canonical, alias } = await secondDevice()
      await signIn()
      await two.resolveConflict('adopt')
      expect((await two.unlinkAlias(alias)).principals).toEqual([canonical])
      expect((await server.rows('latchkeyPrincipal')).filter(({ kind }) => kind === 'alias')).toEqual([])
      await two.signOut()
      expect(await two.ensureIdentity({ resume: alias })).toMatchObject({ principal: alias, authMode: 'local-first' })
    })

    test('undoes it, and the next token no longer names it, also after a reload', async () => {
      const { second, two, signIn, alias } = await secondDevice()
      await signIn()
      await two.resolveConflict('adopt')
      expect(aliasesOf(await two.getToken())).toEqual([alias])
      await two.unlinkAlias(alias)
      expect(aliasesOf(await two.getToken())).toEqual([])
      expect(aliasesOf(await (await second.load({ harden: 'never' })).getToken())).toEqual([])
    })

    test('makes the exchange name what it adopted, and no longer after the undo', async () => {
      const server = await newServer({ plugins: [latchkey({ exchange: { audiences: [API] } }), latchkeyJwt()] })
      const { two, signIn, canonical, alias } = await secondDevice(
        { audiences: { [API]: { audience: API, via: 'exchange' } } },
        server,
      )
      const exchanged = async (): Promise<unknown> => {
        const { sub, aliases, auth_mode: mode } = payloadOf(await two.getToken({ audience: API }))
        return { sub, aliases, mode }
      }
      expect(await exchanged()).toEqual({ sub: alias, aliases: [], mode: 'local-first' })
      await signIn()
      expect(await exchanged()).toEqual({ sub: alias, aliases: [], mode: 'local-first' })
      await two.resolveConflict('adopt')
      expect(await exchanged()).toEqual({ sub: canonical, aliases: [alias], mode: 'external' })
      await two.unlinkAlias(alias)
      expect(await exchanged()).toEqual({ sub: canonical, aliases: [], mode: 'external' })
    })

    test('on the first device, too, the next token names what the second one added, once the server reported it', async () => {
      const { first, one, two, signIn, alias } = await secondDevice()
      expect(aliasesOf(await one.getToken())).toEqual([])
      await signIn()
      await two.resolveConflict('adopt')
      const again = await first.load()
      await vi.waitFor(() => expect(again.getState().session!.principals).toContain(alias), { timeout: 30_000 })
      expect(aliasesOf(await again.getToken())).toEqual([alias])
    })

    test('whose adoption the app refuses gets the code of the refusal', async () => {
      const server = await newServer({
        plugins: [
          latchkey({
            onLink: () => {
              throw new Error('no')
            },
          }),
          latchkeyJwt(),
        ],
      })
      const [first, second] = [server.browser(), server.browser()]
      await (await first.load()).upgrade(() => first.client.signUp.email(ada))
      const two = await second.load({ harden: 'never' })
      await two.markWritten()
      await two.upgrade(() => second.client.signIn.email(ada))
      expect(await two.resolveConflict('adopt')).toMatchObject({ outcome: 'failed', error: { code: 'LINK_REFUSED' } })
      expect(two.getState().phase).toBe('conflict')
    })

    test('cancels: the session at the account server ends, and the device keeps its identity (checklist 27: cancel)', async () => {
      const { server, two, signIn, alias } = await secondDevice()
      await signIn()
      await two.cancelUpgrade()
      expect(two.getState()).toMatchObject({ phase: 'ready', session: { principal: alias } })
      expect(await server.rows('session')).toHaveLength(1)
    })

    test("switches: the account, with the device's identity set aside (checklist 27: switch)", async () => {
      const { two, signIn, canonical, alias } = await secondDevice()
      await signIn()
      expect(await two.resolveConflict('switch')).toMatchObject({
        outcome: 'switched',
        session: { principals: [canonical] },
      })
      expect(await two.listIdentities()).toMatchObject([{ principal: alias }])
    })
  })

  test('an account older than the plugin, whose principal is its id, adopts too', async () => {
    const server = await newServer()
    const browser = server.browser()
    await server.browser().send('/sign-up/email', post(ada))
    await server.change('user', { principalOpen: false })
    const auth = await browser.load()
    await auth.markWritten()
    const { principal } = auth.getState().session!
    expect((await auth.upgrade(() => browser.client.signIn.email(ada))).outcome).toBe('conflict')
    const { id } = await userOf(server)
    expect(await auth.resolveConflict('adopt')).toMatchObject({
      outcome: 'adopted',
      session: { principal: id, principals: [id, principal] },
    })
  })

  test('two devices that adopt at once both become aliases', async () => {
    const { server, two, signIn, alias } = await secondDevice()
    const third = server.browser()
    const three = await third.load({ harden: 'never' })
    await three.markWritten()
    await signIn()
    await three.upgrade(() => third.client.signIn.email(ada))
    const outcomes = await Promise.all([two.resolveConflict('adopt'), three.resolveConflict('adopt')])
    for (const auth of [two, three])
      if (auth.getState().phase === 'conflict') outcomes.push(await auth.resolveConflict('adopt'))
    expect(outcomes.filter(({ outcome }) => outcome === 'adopted')).toHaveLength(2)
    const aliases = (await server.rows('latchkeyPrincipal'))
      .filter(({ kind }) => kind === 'alias')
      .map((row) => row['principal'])
    expect(new Set(aliases)).toEqual(
      new Set([
        alias,
        three.getState().session!.principals.find((principal) => aliases.includes(principal) && principal !== alias),
      ]),
    )
  })
})
