import { describe, expect, test } from 'vitest'
import { onEachEngine } from '../testing/engines.testing.ts'
import { latchkey, latchkeyJwt } from '../index.ts'
import { cookieOf, newPerson } from '../testing/requests.testing.ts'
import { AUDIENCE, person } from '../testing/server.testing.ts'

const victim = person('victim')

// Better Auth's cookie cache answers for a revoked session until it expires; the subject is read from the database.
onEachEngine((newServer) => {
  describe('a session that was revoked while its cookie still says who it was', () => {
    const revoked = async (header = false) => {
      const server = await newServer({
        session: { cookieCache: { enabled: true, maxAge: 300 } },
        plugins: [latchkey(), latchkeyJwt({ disableSettingJwtHeader: !header })],
      })
      const eve = await newPerson(server)
      await eve.prove('/sign-up/email', victim)
      expect(await eve.session()).toMatchObject({ principal: eve.device.principal })
      const ask = (path: string) => server.handler(new Request(`${AUDIENCE}${path}`, { headers: cookieOf(eve) }))
      expect((await ask('/token')).status).toBe(200)
      // As a first proof of the mailbox does: sessions end, and the account gets another principal.
      await server.adapter.deleteMany({ model: 'session', where: [] })
      return ask
    }

    test('gets no subject', async () => {
      const ask = await revoked()
      expect(await (await ask('/latchkey/session')).json()).toMatchObject({ session: null })
      expect(await (await ask('/latchkey/session?peek=1')).json()).toMatchObject({ session: null })
    })

    test('gets no token', async () => {
      const ask = await revoked()
      const answer = await ask('/token')
      expect(answer.status).toBe(401)
      expect(await answer.text()).not.toContain('eyJ')
    })

    test('gets no token in a header, where that is switched on', async () => {
      const ask = await revoked(true)
      expect((await ask('/get-session')).headers.get('set-auth-jwt')).toBeNull()
    })
  })
})
