import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import Database from 'better-sqlite3'
import { decodeJwt } from 'jose'
import { describe, expect, test } from 'vitest'
import { latchkey, latchkeyJwt } from './index.ts'
import { ORIGIN, person } from './testing/server.testing.ts'

/** Signs a user up and returns what the server answers to that session. */
async function signedIn(options: Parameters<typeof latchkeyJwt>[0], baseURL = ORIGIN) {
  const auth = betterAuth({
    baseURL,
    secret: 'a secret of at least thirty-two characters',
    database: new Database(':memory:'),
    emailAndPassword: { enabled: true },
    rateLimit: { enabled: false },
    logger: { disabled: true },
    plugins: [latchkey(), latchkeyJwt(options)],
  })
  await (await getMigrations(auth.options)).runMigrations()
  const base = (await auth.$context).baseURL.replace(/\/+$/, '')
  const send = (path: string, init?: RequestInit): Promise<Response> =>
    auth.handler(new Request(`${base}${path}`, init))
  const made = await send('/sign-up/email', {
    method: 'POST',
    body: JSON.stringify(person('ada')),
    headers: { 'content-type': 'application/json' },
  })
  const cookie = made.headers
    .getSetCookie()
    .map((line) => line.split(';')[0])
    .join('; ')
  const { user } = (await made.json()) as { user: { id: string } }
  const get = (path: string): Promise<Response> => send(path, { headers: { cookie } })
  const claims = async () => decodeJwt(((await (await get('/token')).json()) as { token: string }).token)
  return { user, get, claims }
}

describe('issuer and audience', () => {
  for (const baseURL of [ORIGIN, `${ORIGIN}/`, `${ORIGIN}/identity`, `${ORIGIN}/identity/`]) {
    test(`are the origin where the base URL is ${baseURL}`, async () => {
      const { claims } = await signedIn({}, baseURL)
      expect(await claims()).toMatchObject({ iss: ORIGIN, aud: ORIGIN })
    })
  }

  test("are the app's where it says so", async () => {
    const { claims } = await signedIn({ jwt: { issuer: 'https://issuer.example', audience: 'api' } })
    expect(await claims()).toMatchObject({ iss: 'https://issuer.example', aud: 'api' })
  })
})

describe('the payload', () => {
  test('has what the app adds', async () => {
    const { user, claims } = await signedIn({ jwt: { definePayload: () => ({ role: 'editor' }) } })
    expect(await claims()).toMatchObject({ role: 'editor', sub: user.id, auth_mode: 'external', aliases: [] })
  })

  test('cannot override the subject, the aliases or the mode', async () => {
    const { user, claims } = await signedIn({
      jwt: {
        definePayload: () => ({ sub: 'eve', aliases: ['eve'], auth_mode: 'local-first' }),
        getSubject: () => 'eve',
      },
    })
    expect(await claims()).toMatchObject({ sub: user.id, auth_mode: 'external', aliases: [] })
  })
})

test('reading the session issues no token', async () => {
  const { get } = await signedIn({})
  const answer = await get('/get-session')
  expect(answer.status).toBe(200)
  expect(answer.headers.has('set-auth-jwt')).toBe(false)
})

test.each([
  [['/token'], 1],
  [['/latchkey/bind'], 0],
])(
  'a server that disables %j warns at the start %i times: clients get no tokens without /token',
  async (disabledPaths, count) => {
    const lines: string[] = []
    const auth = betterAuth({
      baseURL: ORIGIN,
      secret: 'a secret of at least thirty-two characters',
      database: new Database(':memory:'),
      disabledPaths,
      logger: { level: 'warn', log: (level, message) => void lines.push(`${level}: ${message}`) },
      plugins: [latchkey(), latchkeyJwt()],
    })
    await auth.$context
    expect(lines.filter((line) => line.startsWith('warn: latchkey: disabledPaths'))).toHaveLength(count)
  },
)
