import { expect, test } from 'vitest'
import { onEachEngine } from '../testing/engines.testing.ts'
import { codeOf, newPerson, post, userOf } from '../testing/requests.testing.ts'
import { person } from '../testing/server.testing.ts'

const ada = person('ada')

onEachEngine((newServer) => {
  for (const path of ['/latchkey/session', '/token']) {
    test(`${path}: a request that another site makes the browser send fixes nothing`, async () => {
      const server = await newServer()
      const one = await newPerson(server)
      await one.browser.send('/sign-up/email', post(ada))
      const cookie = [...one.browser.cookies].map((pair) => pair.join('=')).join('; ')
      const ask = (headers: Record<string, string>) =>
        server.handler(new Request(`https://notes.example/api/auth${path}`, { headers: { cookie, ...headers } }))
      for (const origin of [undefined, 'https://evil.example', 'null']) {
        const answer = await ask({ 'sec-fetch-site': 'cross-site', ...(origin && { origin }) })
        expect([answer.status, await codeOf(answer)]).toEqual([403, 'CROSS_SITE_FORBIDDEN'])
      }
      expect(await userOf(server)).toMatchObject({ principalOpen: true })
      expect((await ask({ 'sec-fetch-site': 'cross-site', origin: 'https://notes.example' })).status).toBe(200)
      expect(await userOf(server)).toMatchObject({ principalOpen: false })
    })
  }
})
