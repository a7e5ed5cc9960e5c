import { describe, expect, test } from 'vitest'
import { startIssuer } from '../../../lib/server/external/issuer.testing.ts'
import { createBetterAuthResolver, createOperator, latchkey, latchkeyJwt } from '../index.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import { unlink } from '../testing/link.testing.ts'
import { codeOf, newPerson, post } from '../testing/requests.testing.ts'
import { ORIGIN, person } from '../testing/server.testing.ts'

const ada = person('ada')

/** Postgres refuses the first, and drivers write the last as another text. */
const TEXTS = ['a\u0000b', 'a\u001b', 'a\ud800']

onEachEngine((newServer) => {
  describe.each(TEXTS)('a text with a control character, %j', (text) => {
    test('is refused in a body, and nothing is stored', async () => {
      const server = await newServer()
      const one = await newPerson(server)
      await one.prove('/sign-up/email', ada)
      await one.session()
      const before = await server.rows('latchkeyKey')
      const { thumbprint } = one.device
      for (const answer of [
        await one.browser.send('/latchkey/keys/name', post({ thumbprint, name: text })),
        await one.browser.send('/latchkey/keys/name', post({ thumbprint: text, name: 'phone' })),
        await one.browser.send('/latchkey/keys/revoke', post({ thumbprint: text })),
        await unlink(one, text),
        await unlink(one, 'alias', text),
        await one.browser.send('/latchkey/bind', post({ nonce: text })),
      ])
        expect([answer.status, await codeOf(answer)]).toEqual([400, 'BODY_INVALID'])
      expect(await server.rows('latchkeyKey')).toEqual(before)
    })

    test('names no session that could have ended', async () => {
      const server = await newServer()
      const query = new URLSearchParams({ ended: text.replace('\ud800', '\u0000') })
      const answer = await server.browser().send(`/latchkey/session?${query}`)
      expect(answer.status).toBe(200)
      expect(await answer.json()).not.toHaveProperty('isEnded')
    })

    test("is no subject of another provider's token, in the exchange and in the resolver", async () => {
      const other = await startIssuer()
      const rules = { issuer: other.issuer, audience: ORIGIN, jwksUrl: other.jwksUrl }
      const exchange = { audiences: [ORIGIN], issuers: [rules] }
      const server = await newServer({ plugins: [latchkey({ exchange }), latchkeyJwt()] })
      const iat = Math.floor(Date.now() / 1000)
      const token = await other.sign({ sub: text, aud: ORIGIN, iat, exp: iat + 300 })
      const body = {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
        subject_token: token,
      }
      const answer = await server.browser().send('/latchkey/token', post(body))
      expect([answer.status, await codeOf(answer)]).toEqual([400, 'TOKEN_CLAIM_INVALID'])
      const resolver = createBetterAuthResolver(server.auth, { external: [rules] })
      const resolution = await resolver.resolve({ authorization: `Bearer ${token}` })
      expect(resolution).toMatchObject({ ok: false, reason: 'TOKEN_CLAIM_INVALID' })
      await other.close()
    })

    test("is a mistake of the operator's code", async () => {
      const { auth } = await newServer()
      const operator = createOperator(auth)
      for (const act of [
        () => operator.principal(text),
        () => operator.account(text),
        () => operator.accountByEmail(text),
        () => operator.unlink('account', text),
        () => operator.retireAccount(text),
        () => operator.retirePrincipal(text),
      ])
        await expect(act()).rejects.toThrow(TypeError)
    })
  })
})
