import { expect, test } from 'vitest'
import { onEachEngine } from '../testing/engines.testing.ts'
import { latchkey, latchkeyJwt } from '../index.ts'
import { codeOf, cookieOf, newPerson, post, userOf } from '../testing/requests.testing.ts'
import { AUDIENCE, person } from '../testing/server.testing.ts'

const ada = person('ada')

onEachEngine((newServer) => {
  test('/get-session, where it answers with a token: a request that another site makes the browser send fixes nothing', async () => {
    const server = await newServer({ plugins: [latchkey(), latchkeyJwt({ disableSettingJwtHeader: false })] })
    const one = await newPerson(server)
    await one.browser.send('/sign-up/email', post(ada))
    const { cookie } = cookieOf(one) as { cookie: string }
    const ask = (headers: Record<string, string>) =>
      server.handler(new Request(`${AUDIENCE}/get-session`, { headers: { cookie, ...headers } }))
    const answer = await ask({ 'sec-fetch-site': 'cross-site' })
    // The app's own page, which a link of another site opened, has to know the session.
    expect([answer.status, answer.headers.has('set-auth-jwt')]).toEqual([200, false])
    expect(await answer.json()).toMatchObject({ user: { email: ada.email } })
    expect(await userOf(server)).toMatchObject({ principalOpen: true })
    const own = await ask({ 'sec-fetch-site': 'same-origin' })
    expect([own.status, own.headers.has('set-auth-jwt')]).toEqual([200, true])
    expect(await userOf(server)).toMatchObject({ principalOpen: false })
  })

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
