import { betterAuth } from 'better-auth'
import { getMigrations } from 'better-auth/db/migration'
import { describe, expect, test } from 'vitest'
import { openPostgres, openSqlite } from '../testing/database.testing.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import { codeOf, newPerson, post } from '../testing/requests.testing.ts'
import { BASE_OPTIONS, ORIGIN, person, testServer } from '../testing/server.testing.ts'

const ada = person('ada')

onEachEngine((newServer, engine) => {
  test('a sign-up with a proof costs at most three statements more than without the plugin', async () => {
    const database = engine === 'SQLite' ? openSqlite() : await openPostgres(engine === 'Postgres')
    const bare = betterAuth({ ...BASE_OPTIONS, database: database.database })
    await (await getMigrations(bare.options)).runMigrations()
    const count = async (statements: readonly string[], work: () => Promise<unknown>) => {
      const before = statements.length
      await work()
      return statements.slice(before).filter((statement) => !/^(begin|commit|start transaction)/i.test(statement))
        .length
    }
    // The first request of a server checks the database once.
    await bare.handler(new Request(`${ORIGIN}/api/auth/sign-up/email`, post(person('first'))))
    const without = await count(database.statements, () =>
      bare.handler(new Request(`${ORIGIN}/api/auth/sign-up/email`, post(ada))),
    )
    await database.close()

    const server = await newServer()
    await (await newPerson(server)).prove('/sign-up/email', person('first'))
    const one = await newPerson(server)
    const withPlugin = await count(server.statements, () => one.prove('/sign-up/email', ada))
    console.warn(`${engine}: ${without} statements without the plugin, ${withPlugin} with it`)
    expect(withPlugin - without).toBeLessThanOrEqual(3)
    expect(withPlugin).toBeGreaterThan(without)
  })
})

describe('limits', () => {
  const limited = () => testServer({ rateLimit: { enabled: true } })
  const from = { 'x-forwarded-for': '192.0.2.1' }

  for (const [path, init, most] of [
    ['/latchkey/challenge', post({ purpose: 'bind' }, from), 20],
    ['/latchkey/bind', post({ nonce: 'x' }, from), 20],
    ['/latchkey/keys/name', post({ thumbprint: 'x', name: 'x' }, from), 20],
    ['/latchkey/keys/revoke', post({ thumbprint: 'x' }, from), 20],
    ['/latchkey/known', post({}, from), 20],
    ['/latchkey/keys', { headers: from }, 120],
    ['/latchkey/session', { headers: from }, 120],
  ] as const) {
    test(`${path}: ${most} a minute from one address`, async () => {
      const server = await limited()
      const browser = server.browser()
      const answers: Response[] = []
      for (let index = 0; index <= most; index++) answers.push(await browser.send(path, init))
      expect(answers.slice(0, most).map(({ status }) => status)).not.toContain(429)
      expect(answers.at(-1)!.status).toBe(429)
      expect(answers.at(-1)!.headers.get('x-retry-after')).toMatch(/^\d+$/)
    })
  }

  test('a body over 16 KiB is not read to its end, whatever its declared length', async () => {
    const server = await testServer()
    let chunks = 0
    const body = new ReadableStream({
      pull(controller) {
        chunks++
        controller.enqueue(new Uint8Array(1024).fill(0x20))
      },
    })
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body, duplex: 'half' }
    const response = await server.handler(new Request(`${ORIGIN}/api/auth/latchkey/challenge`, init as RequestInit))
    expect([response.status, await codeOf(response)]).toEqual([413, 'BODY_TOO_LARGE'])
    expect(chunks).toBeLessThan(24)
  })

  test('a proof over 4 KiB is refused before it is parsed', async () => {
    const server = await testServer()
    const response = await server.browser().send('/sign-up/email', post(ada, { 'x-latchkey-proof': 'a'.repeat(5000) }))
    expect([response.status, await codeOf(response)]).toEqual([401, 'TOKEN_TOO_LARGE'])
  })

  for (const body of [
    '',
    'null',
    '[]',
    '"text"',
    '{"purpose":7}',
    '{"purpose":"upgrade"}',
    `{"purpose":"${'a'.repeat(100)}"}`,
    '{',
  ]) {
    test(`the body ${body.slice(0, 24) || 'that is empty'} is a bad request`, async () => {
      const server = await testServer()
      const one = await newPerson(server)
      await one.browser.send('/sign-up/email', post(ada))
      const response = await one.browser.send('/latchkey/challenge', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      })
      expect(response.status).toBe(400)
    })
  }

  test('a form of another site is no request', async () => {
    const server = await testServer()
    const one = await newPerson(server)
    await one.browser.send('/sign-up/email', post(ada))
    const headers = { 'content-type': 'text/plain' }
    expect((await one.browser.send('/latchkey/bind', { method: 'POST', headers, body: '{"nonce":"x"}' })).status).toBe(
      415,
    )
    const cookie = [...one.browser.cookies].map((pair) => pair.join('=')).join('; ')
    const foreign = {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: 'https://evil.example', cookie },
      body: '{"purpose":"bind"}',
    }
    expect((await server.handler(new Request(`${ORIGIN}/api/auth/latchkey/challenge`, foreign))).status).toBe(403)
  })

  test('used proofs are swept out once they have expired', async () => {
    const server = await testServer()
    await server.adapter.create({ model: 'latchkeyProof', data: { jti: 'old', until: new Date(0) } })
    const one = await newPerson(server)
    await one.prove('/sign-up/email', ada)
    expect((await server.rows('latchkeyProof')).map(({ jti }) => jti)).not.toContain('old')
    expect(await server.rows('latchkeyProof')).toHaveLength(1)
  })
})
