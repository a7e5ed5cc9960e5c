import { describe, expect, test } from 'vitest'
import { type BindingStore, createExternalBinder, namespacedPrincipal } from '../../../lib/server.ts'
import { bindingStoreAcceptance } from '../../../lib/testing.ts'
import { AUDIENCE as EXTERNAL_AUDIENCE, startIssuer } from '../../../lib/server/external/issuer.testing.ts'
import { testDevice } from '../../../lib/testing.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import { bindingStoreOf } from './binding-store.ts'
import { betterAuthBindingStore, createBetterAuthResolver } from '../index.ts'
import { elsewhere, link } from '../testing/link.testing.ts'
import { codeOf, newPerson } from '../testing/requests.testing.ts'
import { AUDIENCE, ORIGIN, type TestServer, person } from '../testing/server.testing.ts'

const ISSUER = 'https://id.example'
const ada = person('ada')

type Adapter = Parameters<typeof bindingStoreOf>[0]

onEachEngine((newServer) => {
  describe("in Better Auth's database", () => {
    for (const { name, run } of bindingStoreAcceptance(async () => betterAuthBindingStore((await newServer()).auth)))
      test(name, run)

    const bindingOf = async (server: TestServer, more: { subject?: string } = {}) => {
      const device = await testDevice()
      const binding = {
        issuer: ISSUER,
        subject: 'user',
        principal: device.principal,
        thumbprint: device.thumbprint,
        ...more,
      }
      return { device, binding, store: bindingStoreOf(server.adapter) }
    }

    test("one principal never belongs to a user and to another provider's account", async () => {
      const server = await newServer()
      const { device, binding, store } = await bindingOf(server)
      await store.insert(binding)
      const one = await newPerson(server, device)
      const refused = await one.prove('/sign-up/email', ada)
      expect([refused.status, await codeOf(refused)]).toEqual([409, 'PRINCIPAL_TAKEN'])
      const two = await newPerson(server)
      await two.prove('/sign-up/email', ada)
      expect(await codeOf(await link(two, device))).toBe('PRINCIPAL_TAKEN')
      expect(
        await store.insert({
          ...binding,
          subject: 'another',
          principal: two.device.principal,
          thumbprint: two.device.thumbprint,
        }),
      ).toBeNull()
      const three = await elsewhere(server, ada)
      await link(three, three.device)
      expect(
        await store.insert({
          ...binding,
          subject: 'another',
          principal: three.device.principal,
          thumbprint: three.device.thumbprint,
        }),
      ).toBeNull()
    })

    test('takes the principal of a sign-up that was not finished', async () => {
      const server = await newServer({ emailAndPassword: { enabled: true, requireEmailVerification: true } })
      const { device, binding, store } = await bindingOf(server)
      const one = await newPerson(server, device)
      expect((await one.prove('/sign-up/email', ada)).status).toBe(200)
      expect(await store.insert(binding)).toMatchObject({ subject: 'user', principal: device.principal })
      expect(await server.rows('user')).toMatchObject([{ principal: null, principalOpen: true }])
    })

    test('a sign-up and a binding at once: one of them has it', async () => {
      for (let round = 0; round < 5; round++) {
        const server = await newServer()
        const { device, binding, store } = await bindingOf(server)
        const one = await newPerson(server, device)
        const [answer, bound] = await Promise.all([one.prove('/sign-up/email', ada), store.insert(binding)])
        const isUsers = answer.status === 200 && (await one.session())!.principal === device.principal
        expect([isUsers, bound !== null].filter(Boolean)).toHaveLength(1)
        expect((await store.find(ISSUER, 'user')) !== null).toBe(!isUsers)
      }
    })

    test('the device key no longer gives access', async () => {
      const server = await newServer()
      const { device, binding, store } = await bindingOf(server)
      const look = async () => {
        const authorization = `Bearer ${await device.token({ audience: ORIGIN })}`
        return createBetterAuthResolver(server.auth).resolve(new Request(ORIGIN, { headers: { authorization } }))
      }
      expect(await look()).toMatchObject({ ok: true })
      await store.insert(binding)
      expect(await look()).toMatchObject({ ok: false, error: 'disabled' })
    })

    test('leaves a record and a key', async () => {
      const server = await newServer()
      const { device, binding, store } = await bindingOf(server)
      await store.insert(binding)
      expect(await server.rows('latchkeyAudit')).toMatchObject([{ principal: device.principal, userId: null }])
      expect(await server.rows('latchkeyKey')).toMatchObject([
        { thumbprint: device.thumbprint, principal: device.principal },
      ])
    })

    test('interrupted before each statement, is there or not, and can be tried again', async () => {
      for (let dieAt = 1; ; dieAt++) {
        const server = await newServer()
        const { binding } = await bindingOf(server)
        const isDone = await dying(server.adapter, dieAt, (store) => store.insert(binding))
        const store = bindingStoreOf(server.adapter)
        const before = await store.find(ISSUER, 'user')
        expect(before === null || before.principal === binding.principal).toBe(true)
        expect(await store.insert(binding)).toEqual(binding)
        expect(await store.find(ISSUER, 'user')).toEqual(binding)
        expect(await server.rows('latchkeyKey')).toHaveLength(1)
        expect(await server.rows('latchkeyAudit')).toHaveLength(1)
        if (isDone) {
          expect(dieAt).toBeGreaterThan(6)
          break
        }
      }
    })

    test('a principal that a binding left behind can sign up', async () => {
      const server = await newServer()
      const { device, binding } = await bindingOf(server)
      // After the reservation, before the account's own row.
      await dying(server.adapter, 4, (store) => store.insert(binding))
      expect(await server.rows('latchkeyPrincipal')).toMatchObject([{ kind: 'reserved', issuer: ISSUER }])
      const one = await newPerson(server, device)
      expect((await one.prove('/sign-up/email', ada)).status).toBe(200)
      expect(await one.session()).toMatchObject({ principal: device.principal })
      const store = bindingStoreOf(server.adapter)
      expect(await store.find(ISSUER, 'user')).toBeNull()
      const { binding: other } = await bindingOf(server)
      expect(await store.insert(other)).toEqual(other)
    })

    test("fixed by its first use, an account takes no device's principal", async () => {
      const server = await newServer()
      const { binding, store } = await bindingOf(server)
      const principal = await namespacedPrincipal(ISSUER, 'user')
      const own = { issuer: ISSUER, subject: 'user', principal, thumbprint: null }
      expect(await store.insert(own)).toEqual(own)
      expect(await store.insert(binding)).toEqual(own)
    })

    test('serves a binder', async () => {
      const provider = await startIssuer()
      const server = await newServer()
      const { device, store } = await bindingOf(server)
      const issuers = [{ issuer: provider.issuer, jwksUrl: provider.jwksUrl, audience: EXTERNAL_AUDIENCE }]
      const binder = createExternalBinder({
        issuers,
        store,
        audience: AUDIENCE,
        secret: 'a secret of at least thirty-two characters',
      })
      const token = await provider.sign({
        iat: Math.floor(Date.now() / 1000),
        exp: Math.floor(Date.now() / 1000) + 300,
      })
      const { nonce } = await binder.challenge(token)
      const proof = await device.proof({ audience: AUDIENCE, purpose: 'bind', nonce })
      expect(await binder.bindExternal({ token, proof, nonce })).toMatchObject({ principal: device.principal })
      await expect(binder.bindExternal({ token, proof, nonce })).rejects.toMatchObject({ code: 'PROOF_REPLAYED' })
      await provider.close()
    })
  })
})

/** A store whose server dies before its n-th call of the database. @returns whether it got through */
async function dying(
  adapter: Adapter,
  dieAt: number,
  act: (store: BindingStore) => Promise<unknown>,
): Promise<boolean> {
  let calls = 0
  const counted = new Proxy(adapter, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name)
      if (typeof member !== 'function') return member
      return (...args: unknown[]) =>
        ++calls >= dieAt
          ? Promise.reject(new Error('dead'))
          : (member as (...args: unknown[]) => unknown).apply(target, args)
    },
  })
  return act(bindingStoreOf(counted)).then(
    () => true,
    () => false,
  )
}
