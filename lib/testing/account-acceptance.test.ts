import { describe, expect, test } from 'vitest'
import { accountAcceptance } from './account-acceptance.ts'
import { testDevice } from './device.ts'
import { memoryAccountServer } from './memory-account.ts'

const open = async () => {
  const client = memoryAccountServer().connect()
  return {
    client,
    provider: client.provider,
    signUp: () => client.signUp('ada'),
    setOnline: (isOnline: boolean) => void (client.online = isOnline),
  }
}

describe('the account provider of memory', () => {
  test.each(accountAcceptance(open))('$name', ({ run }) => run())

  test('a sign-up with a principal that another account adopted is refused', async () => {
    const server = memoryAccountServer()
    const [ada, bob] = [server.connect(), server.connect()]
    const [own, adopted] = [await testDevice(), await testDevice()]
    const { audience } = ada.provider
    const signUp = ({ signUp, provider }: typeof ada, name: string, device: typeof own) =>
      provider.withProof(
        () => device.proof({ audience, purpose: 'upgrade' }),
        () => signUp(name),
      )
    await signUp(ada, 'ada', own)
    await ada.provider.link!((nonce) => adopted.proof({ audience, purpose: 'link', nonce, linkTo: own.principal }))
    const { result } = await signUp(bob, 'bob', adopted)
    expect(bob.provider.readFailure(result)).toMatchObject({ code: 'PRINCIPAL_TAKEN' })
    expect([...server.accounts.keys()]).toEqual(['ada'])
  })
})

describe('the suite finds', () => {
  const failing = async (change: (world: Awaited<ReturnType<typeof open>>) => object): Promise<string[]> => {
    const names: string[] = []
    const cases = accountAcceptance(async () => {
      const world = await open()
      return { ...world, provider: { ...world.provider, ...change(world) } }
    })
    for (const { name, run } of cases) await run().catch(() => names.push(name))
    return names
  }

  test('nothing in a sound provider', async () => {
    expect(await failing(() => ({}))).toEqual([])
  })

  test.each([
    ['a session that does not end', () => ({ signOut: async () => {} }), 'signing out ends the session'],
    [
      'an outage that looks like no session',
      ({ client }: { client: { online: boolean; provider: { getSession(): Promise<unknown> } } }) => ({
        getSession: async () => (client.online ? client.provider.getSession() : null),
      }),
      'without a connection calls reject with OFFLINE, and the session survives',
    ],
    [
      'proofs that are not carried',
      () => ({ withProof: async (_: unknown, run: () => unknown) => ({ result: await run(), sent: true }) }),
      'a sign-up with proofs has or takes the principal of the device',
    ],
    ['a token of anybody', () => ({ isTokenOf: () => true }), 'a token belongs to the account that is signed in'],
  ])('%s', async (_name, change, name) => {
    expect(await failing(change as never)).toContain(name)
  })
})
