import { afterEach, describe, expect, test, vi } from 'vitest'
import { onEachEngine } from './testing/engines.testing.ts'
import { createBetterAuthResolver, createOperator } from './index.ts'
import { elsewhere, link } from './testing/link.testing.ts'
import { newPerson } from './testing/requests.testing.ts'
import { ORIGIN, type TestServer, person } from './testing/server.testing.ts'

const ada = person('ada')

const reasonOf = async (server: TestServer, token: string): Promise<string> => {
  const found = await createBetterAuthResolver(server.auth).resolve({ authorization: `Bearer ${token}` })
  return found.ok ? 'ok' : found.reason
}

afterEach(() => vi.restoreAllMocks())

onEachEngine((newServer) => {
  /** An account with the device's principal, and a second device that is its alias. */
  async function linked() {
    const server = await newServer()
    const one = await newPerson(server)
    await one.prove('/sign-up/email', ada)
    const two = await elsewhere(server, ada)
    expect((await link(two, two.device)).status).toBe(200)
    const operator = createOperator(server.auth)
    const accountId = (await operator.accountByEmail(ada.email))!
    return { server, one, two, operator, accountId }
  }

  describe('an operator', () => {
    test('looks up an account and a principal, with aliases, keys and audit', async () => {
      const { server, one, two, operator, accountId } = await linked()
      const account = (await operator.account(accountId))!
      expect(account).toMatchObject({
        accountId,
        email: ada.email,
        emailVerified: false,
        principal: one.device.principal,
        aliases: [two.device.principal],
        open: false,
        recoverable: false,
      })
      expect(account.keys.map(({ thumbprint }) => thumbprint).toSorted()).toEqual(
        [one.device.thumbprint, two.device.thumbprint].toSorted(),
      )
      expect(account.audit.map(({ act, principal }) => [act, principal]).toSorted()).toEqual(
        [
          ['bind', one.device.principal],
          ['link', two.device.principal],
        ].toSorted(),
      )
      for (const { device } of [one, two])
        expect(await operator.principal(device.principal)).toMatchObject({
          holder: 'account',
          accountId,
          keys: [{ thumbprint: device.thumbprint }],
        })
      expect(await operator.account('nobody')).toBeNull()
      expect(await operator.accountByEmail('nobody@example.com')).toBeNull()
      expect(await operator.accountByEmail('Ada@Example.com')).toBe(accountId)
      await server.change('user', { email: 'Ada@Example.com' })
      expect(await operator.accountByEmail('Ada@Example.com')).toBe(accountId)
    })

    test('fixes nothing by reading: an open account stays open, and an unknown principal gets no row', async () => {
      const server = await newServer()
      await server.browser().client.signUp.email(ada)
      const operator = createOperator(server.auth)
      const accountId = (await operator.accountByEmail(ada.email))!
      const before = await server.rows('user')
      expect(await operator.account(accountId)).toMatchObject({ open: true, principal: accountId })
      expect(await operator.principal('00000000-0000-8000-8000-000000000000')).toMatchObject({
        holder: 'nobody',
        accountId: null,
        keys: [],
        audit: [],
      })
      expect(await server.rows('user')).toEqual(before)
      expect(await server.rows('latchkeyPrincipal')).toEqual([])
    })

    test('unlinks an alias, once and never the principal itself', async () => {
      const { one, two, operator, accountId } = await linked()
      await operator.unlink(accountId, two.device.principal)
      await operator.unlink(accountId, two.device.principal)
      expect(await operator.account(accountId)).toMatchObject({ principal: one.device.principal, aliases: [] })
      await expect(operator.unlink(accountId, one.device.principal)).rejects.toMatchObject({ code: 'ALIAS_UNKNOWN' })
      await expect(operator.unlink('somebody else', two.device.principal)).rejects.toMatchObject({
        code: 'ALIAS_UNKNOWN',
      })
      expect((await operator.principal(two.device.principal)).audit.map(({ act }) => act).toSorted()).toEqual([
        'link',
        'unlink',
      ])
    })

    test('retires an account: its sessions end, and none of its keys gives access any more', async () => {
      const { server, one, two, operator, accountId } = await linked()
      const token = await one.device.token({ audience: ORIGIN })
      expect(await reasonOf(server, token)).toBe('ok')
      expect(await operator.retireAccount(accountId)).toBe(true)
      expect(await operator.retireAccount(accountId)).toBe(false)
      expect(await reasonOf(server, token)).toBe('PRINCIPAL_DISABLED')
      expect(await server.rows('session')).toEqual([])
      for (const { device } of [one, two]) {
        expect(await operator.principal(device.principal)).toMatchObject({ holder: 'retired', accountId: null })
        expect(await reasonOf(server, await device.token({ audience: ORIGIN }))).toBe('PRINCIPAL_DISABLED')
      }
    })

    test('does not report an account as retired if the database failed to read it for the deletion', async () => {
      const { server, one, operator, accountId } = await linked()
      const { findMany } = server.adapter
      const read = vi.spyOn(server.adapter, 'findMany').mockImplementation(async (query): Promise<never> => {
        if (query.model !== 'user') return (await findMany(query)) as never
        read.mockImplementation(findMany)
        throw new Error('connection lost')
      })
      await expect(operator.retireAccount(accountId)).rejects.toThrow('the account was not deleted')
      expect(await operator.account(accountId)).not.toBeNull()
      expect(await operator.retireAccount(accountId)).toBe(true)
      expect(await operator.principal(one.device.principal)).toMatchObject({ holder: 'retired' })
    })

    test('retires a principal without an account: its key is refused immediately, and no longer binds anything', async () => {
      const server = await newServer()
      const operator = createOperator(server.auth)
      const one = await newPerson(server)
      const { principal } = one.device
      const token = await one.device.token({ audience: ORIGIN })
      expect(await reasonOf(server, token)).toBe('ok')
      await operator.retirePrincipal(principal)
      await operator.retirePrincipal(principal)
      expect(await reasonOf(server, token)).toBe('PRINCIPAL_DISABLED')
      expect(await operator.principal(principal)).toMatchObject({ holder: 'retired', audit: [{ act: 'retire' }] })
      expect((await one.prove('/sign-up/email', ada)).status).toBe(409)
      expect(await server.rows('user')).toEqual([])
    })

    test('does not retire a principal that belongs to an account', async () => {
      const { server, one, two, operator, accountId } = await linked()
      const before = await server.rows('latchkeyPrincipal')
      for (const principal of [one.device.principal, two.device.principal, accountId])
        await expect(operator.retirePrincipal(principal)).rejects.toMatchObject({ code: 'PRINCIPAL_TAKEN' })
      expect(await server.rows('latchkeyPrincipal')).toEqual(before)
      expect(await operator.account(accountId)).toMatchObject({
        principal: one.device.principal,
        aliases: [two.device.principal],
      })
    })
  })
})
