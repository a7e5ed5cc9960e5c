import { afterEach, expect, test, vi } from 'vitest'
import { testDevice } from '../../../lib/testing.ts'
import { createBetterAuthResolver } from '../index.ts'
import { ORIGIN, person, testServer } from '../testing/server.testing.ts'

const PROXY = 'http://localhost:5173'

afterEach(() => vi.unstubAllEnvs())

async function behindProxy() {
  const lines: string[] = []
  const { auth, handler } = await testServer({ logger: { level: 'warn', log: (_, line) => lines.push(line) } })
  const device = await testDevice()
  const resolver = createBetterAuthResolver(auth)
  const ask = async (audience: string) =>
    resolver.resolve(
      new Request(`${ORIGIN}/api/notes`, {
        headers: { authorization: `Bearer ${await device.token({ audience })}` },
      }),
    )
  const signUp = async () =>
    handler(
      new Request(`${ORIGIN}/api/auth/sign-up/email`, {
        method: 'POST',
        headers: {
          origin: ORIGIN,
          'content-type': 'application/json',
          'x-latchkey-proof': await device.proof({ audience: `${PROXY}/api/auth`, purpose: 'upgrade' }),
        },
        body: JSON.stringify(person('ada')),
      }),
    )
  return { lines, ask, signUp }
}

test('a token for another origin is refused, and the log names both once', async () => {
  const { lines, ask, signUp } = await behindProxy()
  for (let time = 0; time < 2; time++) expect(await ask(PROXY)).toMatchObject({ ok: false })
  expect((await signUp()).status).toBe(401)
  expect(lines).toEqual([
    `Latchkey refused a token for "${PROXY}": this server expects "${ORIGIN}". Behind a proxy, set baseURL to the origin that browsers see.`,
  ])
})

test('a proof for another origin is refused, and the log names both once', async () => {
  const { lines, signUp } = await behindProxy()
  for (let time = 0; time < 2; time++) expect((await signUp()).status).toBe(401)
  expect(lines).toEqual([
    `Latchkey refused a token for "${PROXY}/api/auth": this server expects "${ORIGIN}/api/auth". Behind a proxy, set baseURL to the origin that browsers see.`,
  ])
})

test('what the token says is quoted and truncated', async () => {
  const { lines, ask } = await behindProxy()
  await ask(`x\n[forged line] ${'a'.repeat(1000)}`)
  expect(lines).toHaveLength(1)
  expect(lines[0]).not.toContain('\n')
  expect(lines[0]!.length).toBeLessThan(400)
})

test('in production nothing is logged', async () => {
  vi.stubEnv('NODE_ENV', 'production')
  const { lines, ask, signUp } = await behindProxy()
  expect(await ask(PROXY)).toMatchObject({ ok: false })
  expect((await signUp()).status).toBe(401)
  expect(lines).toEqual([])
})
