import { admin } from 'better-auth/plugins'
import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import { onEachEngine } from '../testing/engines.testing.ts'
import { codeOf, newPerson, post, userOf } from '../testing/requests.testing.ts'
import { ORIGIN, type TestBrowser, type TestServer, person } from '../testing/server.testing.ts'
import { latchkey, latchkeyJwt } from '../index.ts'

const ada = person('ada')

const EXCHANGING = [latchkey({ exchange: { audiences: [ORIGIN] } }), latchkeyJwt()]

function exchange(browser: TestBrowser): Promise<Response> {
  const body = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token_type: 'urn:latchkey:params:oauth:token-type:session',
  }
  return browser.send('/latchkey/token', post(body))
}

async function newBoss(server: TestServer) {
  const boss = await newPerson(server)
  await boss.browser.send('/sign-up/email', post(person('boss')))
  await boss.session()
  await server.change('user', { role: 'admin' }, { email: 'boss@example.com' })
  return boss
}

onEachEngine((newServer) => {
  describe('an admin who impersonates a user', () => {
    test('exchanges no session of an unused account, and leaves it open', async () => {
      const server = await newServer({ plugins: [...EXCHANGING, admin()] })
      const boss = await newBoss(server)
      await server.browser().send('/sign-up/email', post(ada))
      const { id } = await userOf(server, ada.email)
      await boss.browser.send('/admin/impersonate-user', post({ userId: id }))
      const answer = await exchange(boss.browser)
      expect([answer.status, await codeOf(answer)]).toEqual([400, 'ACCOUNT_OPEN'])
      expect(await userOf(server, ada.email)).toMatchObject({ principalOpen: true, principal: null })
    })

    test('is named in a token that the exchange issues for the session', async () => {
      const server = await newServer({ plugins: [...EXCHANGING, admin()] })
      const boss = await newBoss(server)
      const bossId = (await userOf(server, 'boss@example.com'))['id'] as string
      const one = await newPerson(server)
      await one.prove('/sign-up/email', ada)
      await one.session()
      await boss.browser.send('/admin/impersonate-user', post({ userId: (await userOf(server, ada.email))['id'] }))
      const claimsFor = async (browser: TestBrowser) =>
        decodeJwt(((await (await exchange(browser)).json()) as { access_token: string }).access_token)
      expect(await claimsFor(boss.browser)).toMatchObject({ sub: one.device.principal, act: { sub: bossId } })
      expect(await claimsFor(one.browser)).not.toHaveProperty('act')
    })

    test('fixes no principal by reading, and gets no token for an unused account', async () => {
      const server = await newServer({ plugins: [admin()] })
      const boss = await newBoss(server)
      await server.browser().send('/sign-up/email', post(ada))
      const { id } = await userOf(server, ada.email)
      await boss.browser.send('/admin/impersonate-user', post({ userId: id }))
      expect(await boss.session()).toMatchObject({ accountId: id, open: true })
      const token = await boss.browser.send('/token')
      expect([token.status, await codeOf(token)]).toEqual([409, 'ACCOUNT_OPEN'])
      const keys = await boss.browser.send('/latchkey/keys')
      expect(keys.status).toBe(200)
      expect(await userOf(server, ada.email)).toMatchObject({ principalOpen: true, principal: null })
    })

    test('changes no device key, and is named in the token', async () => {
      const server = await newServer({ plugins: [admin()] })
      const boss = await newBoss(server)
      const bossId = (await userOf(server, 'boss@example.com'))['id'] as string
      const one = await newPerson(server)
      await one.prove('/sign-up/email', ada)
      await one.session()
      await server.change('user', { emailVerified: true }, { email: ada.email })
      const user = await userOf(server, ada.email)
      await boss.browser.send('/admin/impersonate-user', post({ userId: user['id'] }))
      const [{ thumbprint }] = (await server.rows('latchkeyKey')) as [{ thumbprint: string }]
      const before = await server.rows('latchkeyKey')
      for (const [path, body] of [
        ['/latchkey/keys/name', { thumbprint, name: 'mine' }],
        ['/latchkey/keys/revoke', { thumbprint }],
      ] as const) {
        const answer = await boss.browser.send(path, post(body))
        expect([path, answer.status, await codeOf(answer)]).toEqual([path, 403, 'KEY_FORBIDDEN'])
      }
      expect(await server.rows('latchkeyKey')).toEqual(before)
      const { token } = (await (await boss.browser.send('/token')).json()) as { token: string }
      expect(decodeJwt(token)).toMatchObject({ sub: one.device.principal, act: { sub: bossId } })
      const own = (await (await one.browser.send('/token')).json()) as { token: string }
      expect(decodeJwt(own.token)).not.toHaveProperty('act')
    })
  })
})
