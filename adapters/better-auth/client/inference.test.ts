import { expect, expectTypeOf, test } from 'vitest'
import type { KeysAnswer, SessionAnswer } from '../index.ts'
import { post, proofOf } from '../testing/requests.testing.ts'
import { type TestBrowser, person, testServer } from '../testing/server.testing.ts'
import { testDevice } from '../../../lib/testing.ts'

type Client = TestBrowser['client']

test("Better Auth's client infers the plugin's routes, and its column of the user", () => {
  type User = Client['$Infer']['Session']['user']
  expectTypeOf<User['principal']>().toEqualTypeOf<string | null | undefined>()
  expectTypeOf<User['email']>().toEqualTypeOf<string>()
  // Nothing that the server never returns.
  expectTypeOf<'principalEpoch' extends keyof User ? true : false>().toEqualTypeOf<false>()
  expectTypeOf<Parameters<Client['latchkey']['keys']['revoke']>[0]>().toExtend<{ thumbprint: string }>()
  expectTypeOf<{ thumbprint: number }>().not.toExtend<Parameters<Client['latchkey']['keys']['revoke']>[0]>()
  // The client's own methods stay typed.
  expectTypeOf<Client['signIn']['email']>().toBeFunction()
  expectTypeOf<'nothing' extends keyof Client['latchkey'] ? true : false>().toEqualTypeOf<false>()
})

test('and these routes work', async () => {
  const server = await testServer()
  const { client, send } = server.browser()
  const device = await testDevice()
  await send('/sign-up/email', post(person('ada'), await proofOf(device)))
  const { data: found } = await client.latchkey.session()
  expectTypeOf(found).toEqualTypeOf<SessionAnswer | null>()
  expect(found?.session?.principal).toBe(device.principal)
  const { data: session } = await client.getSession()
  expect(session?.user.principal).toBe(device.principal)
  const { thumbprint } = device
  expect((await client.latchkey.keys.name({ thumbprint, name: 'phone' })).data).toEqual({ status: true })
  const { data: listed } = await client.latchkey.keys()
  expectTypeOf(listed).toEqualTypeOf<KeysAnswer | null>()
  expect(listed?.keys).toMatchObject([{ thumbprint, name: 'phone' }])
  expect((await client.latchkey.keys.revoke({ thumbprint })).error).toMatchObject({ code: 'KEY_NEEDED' })
})
