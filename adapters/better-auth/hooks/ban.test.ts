import { admin } from 'better-auth/plugins'
import { describe, expect, test } from 'vitest'
import { createBetterAuthResolver, latchkey, latchkeyJwt } from '../index.ts'
import { statusOf } from '../binding/status.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import { elsewhere, link } from '../testing/link.testing.ts'
import { type Person, codeOf, newPerson, post, userOf } from '../testing/requests.testing.ts'
import { AUDIENCE, ORIGIN, person, storeOf } from '../testing/server.testing.ts'

const ada = person('ada')

onEachEngine((newServer) => {
  /** An account with two devices, and an admin. */
  async function withBoss() {
    const exchange = { audiences: [ORIGIN] }
    const server = await newServer({ plugins: [latchkey({ exchange }), latchkeyJwt(), admin()] })
    const boss = await newPerson(server)
    await boss.browser.send('/sign-up/email', post(person('boss')))
    await server.change('user', { role: 'admin' }, { email: 'boss@example.com' })
    const one = await newPerson(server)
    await one.prove('/sign-up/email', ada)
    const two = await elsewhere(server, ada)
    expect((await link(two, two.device)).status).toBe(200)
    const { id } = await userOf(server, ada.email)
    const act = async (path: string, more: object = {}) =>
      expect((await boss.browser.send(`/admin/${path}`, post({ userId: id, ...more }))).status).toBe(200)
    const resolver = createBetterAuthResolver(server.auth)
    const outcome = async ({ device }: Person): Promise<string> => {
      const found = await resolver.resolve({ authorization: `Bearer ${await device.token({ audience: ORIGIN })}` })
      return found.ok ? found.session.authMode : found.reason
    }
    const exchanged = async ({ device, browser }: Person): Promise<string | number> => {
      const answer = await browser.send(
        '/latchkey/token',
        post({
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          subject_token_type: 'urn:latchkey:params:oauth:token-type:proof',
          subject_token: await device.proof({ audience: AUDIENCE, purpose: 'exchange' }),
        }),
      )
      return answer.status === 200 ? 200 : codeOf(answer)
    }
    const all = async () => [await outcome(one), await exchanged(one), await outcome(two), await exchanged(two)]
    return { server, id, act, all }
  }

  const OPEN = ['local-first', 200, 'local-first', 200]
  const CLOSED = Array.from({ length: 4 }, () => 'PRINCIPAL_DISABLED')

  describe('the keys of a banned user', () => {
    test('are disabled in the resolver and in the exchange until the ban is lifted', async () => {
      const { act, all } = await withBoss()
      expect(await all()).toEqual(OPEN)
      await act('ban-user')
      expect(await all()).toEqual(CLOSED)
      await act('unban-user')
      expect(await all()).toEqual(OPEN)
    })

    test('work again once the ban has expired', async () => {
      const { server, id, act, all } = await withBoss()
      await act('ban-user', { banExpiresIn: 3600 })
      expect(await all()).toEqual(CLOSED)
      await server.change('user', { banExpires: new Date(Date.now() - 1000) }, { id: id as string })
      // In another process, whose cache knows nothing of it.
      const keys = (await server.rows('latchkeyKey')) as { principal: string; thumbprint: string }[]
      expect(keys).toHaveLength(2)
      for (const { principal, thumbprint } of keys)
        expect(await statusOf(storeOf(server.adapter), principal, thumbprint)).toBe('active')
    })
  })
})
