import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { testDevice } from '../../testing.ts'
import { adoptingStoreAcceptance } from '../../testing/adopting-store-acceptance.ts'
import { bindingStoreAcceptance } from '../../testing/binding-store-acceptance.ts'
import { sessionStoreAcceptance } from '../../testing/session-store-acceptance.ts'
import { deferred } from '../framework.testing.ts'
import { type ExternalBinder, type ExternalBinderOptions, createExternalBinder } from './binder.ts'
import { memoryBindingStore } from './memory-store.ts'
import { namespacedPrincipal } from '../external/principals.ts'
import type { ProofClaims } from '../../tokens/claims.ts'
import { NOW } from '../../tokens/forge.testing.ts'
import { AUDIENCE, SUBJECT, type TestIssuer, startIssuer } from '../external/issuer.testing.ts'

const SERVER = 'https://notes.example/identity'

let provider: TestIssuer
beforeAll(async () => {
  provider = await startIssuer()
})
afterAll(() => provider.close())

const clock = (): number => NOW * 1000

function binder(options: Partial<ExternalBinderOptions> = {}): ExternalBinder {
  const issuers = [{ issuer: provider.issuer, jwksUrl: provider.jwksUrl, audience: AUDIENCE }]
  return createExternalBinder({
    issuers,
    store: memoryBindingStore(clock),
    audience: SERVER,
    secret: 'a secret of at least thirty-two characters',
    clock,
    ...options,
  })
}

type Device = Awaited<ReturnType<typeof testDevice>>

async function bindWith(bound: ExternalBinder, device: Device, token: string) {
  const { nonce } = await bound.challenge(token)
  return bound.bindExternal({
    token,
    nonce,
    proof: await device.proof({ audience: SERVER, purpose: 'bind', nonce, now: NOW }),
  })
}

describe('the memory store', () => {
  for (const { name, run } of bindingStoreAcceptance(async () => memoryBindingStore())) test(name, run)

  for (const { name, run } of adoptingStoreAcceptance(async (clock) => memoryBindingStore(clock))) test(name, run)
  for (const { name, run } of sessionStoreAcceptance(async (clock) => memoryBindingStore(clock))) test(name, run)

  test('forgets a name after its time', async () => {
    let now = 0
    const store = memoryBindingStore(() => now)
    await store.useOnce('name', new Date(1000))
    now = 1000
    expect(await store.useOnce('name', new Date(2000))).toBe(true)
  })
})

test('all other sessions are ended at the provider at once: none waits for another', async () => {
  const begun = new Set<string>()
  const answer = deferred()
  const bound = binder({ onRevoke: ({ session }) => (begun.add(session), answer.promise) })
  for (const sid of ['one', 'two', 'three']) await bound.look(await provider.sign({ sid }), false, null)
  const revoked = bound.devices!.revokeOthers(await provider.sign({ sid: 'one' }))
  await expect.poll(() => [...begun].toSorted()).toEqual(['three', 'two'])
  answer.resolve()
  expect(await revoked).toBe(2)
})

describe('an account of another provider', () => {
  test("takes a device's principal, and keeps it", async () => {
    const [bound, device, token] = [binder(), await testDevice(), await provider.sign()]
    const made = {
      issuer: provider.issuer,
      subject: SUBJECT,
      principal: device.principal,
      thumbprint: device.thumbprint,
    }
    expect(await bindWith(bound, device, token)).toEqual(made)
    expect(await bindWith(bound, device, token)).toEqual(made)
    expect(await bound.principalOf(await provider.sign({}, { alg: 'ES256' }))).toEqual(made)
    await expect(bindWith(bound, await testDevice(), token)).rejects.toMatchObject({ code: 'PRINCIPAL_FIXED' })
  })

  test('that was asked for before is fixed', async () => {
    const [bound, token] = [binder(), await provider.sign()]
    const { principal } = await bound.principalOf(token)
    expect(principal).toBe(await namespacedPrincipal(provider.issuer, SUBJECT))
    await expect(bindWith(bound, await testDevice(), token)).rejects.toMatchObject({ code: 'PRINCIPAL_FIXED' })
    expect(await bound.principalOf(token)).toMatchObject({ principal })
  })

  test('takes no principal of another account', async () => {
    const [bound, device] = [binder(), await testDevice()]
    await bindWith(bound, device, await provider.sign())
    await expect(bindWith(bound, device, await provider.sign({ sub: 'another' }))).rejects.toMatchObject({
      code: 'PRINCIPAL_TAKEN',
    })
  })

  const refused: Record<string, [(bound: ExternalBinder, device: Device) => Promise<unknown>, string]> = {
    'a nonce of another account': [
      async (bound, device) => {
        const { nonce } = await bound.challenge(await provider.sign({ sub: 'eve' }))
        return bound.bindExternal({
          token: await provider.sign(),
          nonce,
          proof: await device.proof({ audience: SERVER, purpose: 'bind', nonce, now: NOW }),
        })
      },
      'PROOF_NONCE_MISMATCH',
    ],
    'a nonce that was used': [
      async (bound, device) => {
        const token = await provider.sign()
        const { nonce } = await bound.challenge(token)
        const proof = () => device.proof({ audience: SERVER, purpose: 'bind', nonce, now: NOW })
        await bound.bindExternal({ token, nonce, proof: await proof() })
        return bound.bindExternal({ token, nonce, proof: await proof() })
      },
      'PROOF_REPLAYED',
    ],
    'a proof for another act': [
      async (bound, device) => {
        const token = await provider.sign()
        const { nonce } = await bound.challenge(token)
        return bound.bindExternal({
          token,
          nonce,
          proof: await device.proof({ audience: SERVER, purpose: 'upgrade', nonce, now: NOW }),
        })
      },
      'PROOF_PURPOSE_MISMATCH',
    ],
    'a proof for another server': [
      async (bound, device) => {
        const token = await provider.sign()
        const { nonce } = await bound.challenge(token)
        return bound.bindExternal({
          token,
          nonce,
          proof: await device.proof({ audience: 'https://evil.example', purpose: 'bind', nonce, now: NOW }),
        })
      },
      'TOKEN_AUDIENCE_MISMATCH',
    ],
    'a token that is over': [
      async (bound, device) => bindWith(bound, device, await provider.sign({ exp: NOW })),
      'TOKEN_EXPIRED',
    ],
    'a token of an unknown issuer': [
      async (bound, device) => bindWith(bound, device, await provider.sign({ iss: 'https://evil.example' })),
      'ISSUER_UNKNOWN',
    ],
    'a token of an account that its provider calls anonymous': [
      async (bound, device) => bindWith(bound, device, await provider.sign({ is_anonymous: true })),
      'TOKEN_NOT_AN_ACCOUNT',
    ],
    'a token of a device that another Latchkey server knows': [
      async (bound, device) => bindWith(bound, device, await provider.sign({ auth_mode: 'local-first' })),
      'TOKEN_NOT_AN_ACCOUNT',
    ],
    'a local-first token': [
      async (bound, device) => bindWith(bound, device, await device.token({ audience: AUDIENCE, now: NOW })),
      'ISSUER_UNKNOWN',
    ],
  }
  for (const [name, [act, code]] of Object.entries(refused)) {
    test(`is not bound by ${name}`, async () => {
      const store = memoryBindingStore(clock)
      const device = await testDevice()
      await expect(act(binder({ store }), device)).rejects.toMatchObject({ code })
      const found = await store.find(provider.issuer, SUBJECT)
      expect(found === null || code === 'PROOF_REPLAYED').toBe(true)
    })
  }

  test('needs a secret of 32 characters', () => {
    // A missing environment variable, behind a `!`.
    for (const secret of ['x'.repeat(31), undefined as unknown as string])
      expect(() => binder({ secret })).toThrow('secret: expected at least 32 characters')
    expect(() => binder({ secret: 'x'.repeat(32) })).not.toThrow()
  })

  test('stores the proof and the nonce until each expires', async () => {
    const used: [string, number][] = []
    const memory = memoryBindingStore(clock)
    const useOnce: typeof memory.useOnce = (name, until) => {
      used.push([name, until.getTime()])
      return memory.useOnce(name, until)
    }
    const bound = binder({ store: { ...memory, useOnce } })
    const token = await provider.sign()
    const { nonce, expiresAt } = await bound.challenge(token)
    const proof = await (await testDevice()).proof({ audience: SERVER, purpose: 'bind', nonce, now: NOW })
    await bound.bindExternal({ token, nonce, proof })
    const { jti, exp } = JSON.parse(Buffer.from(proof.split('.')[1]!, 'base64url').toString()) as ProofClaims
    expect(used).toEqual([
      [jti, exp * 1000],
      [`nonce:${nonce}`, expiresAt],
    ])
  })
})

// Finding two keys with one principal is too costly for a test: here the store has the thumbprint of the other one.
describe('another key with the same principal', () => {
  const scene = async () => {
    const store = memoryBindingStore(clock)
    const [device, own, token] = [await testDevice(), await testDevice(), await provider.sign()]
    const account = { issuer: provider.issuer, subject: SUBJECT }
    const theirs = { ...account, principal: device.principal, thumbprint: 'another' }
    /** Another device's principal becomes the account's own, and the principal of the two keys an alias. */
    const adopted = async () => {
      await store.insert({ ...account, principal: own.principal, thumbprint: own.thumbprint })
      expect(await store.link(theirs)).toBe('linked')
    }
    return { store, device, token, theirs, adopted, bound: binder({ store }) }
  }

  test('binds nothing where its account has the principal', async () => {
    const { store, device, token, theirs, bound } = await scene()
    await store.insert(theirs)
    await expect(bindWith(bound, device, token)).rejects.toMatchObject({ code: 'PRINCIPAL_FIXED' })
  })

  test('binds nothing where its account has the principal as an alias', async () => {
    const { device, token, adopted, bound } = await scene()
    await adopted()
    await expect(bindWith(bound, device, token)).rejects.toMatchObject({ code: 'PRINCIPAL_FIXED' })
  })

  test('links nothing where its account has the principal', async () => {
    const { store, device, token, theirs, bound } = await scene()
    await store.insert(theirs)
    const { nonce } = await bound.challenge(token, 'link')
    const claims = { audience: SERVER, nonce, linkTo: theirs.principal, now: NOW }
    const proof = await device.proof({ purpose: 'link', ...claims })
    await expect(bound.link({ token, nonce, proof })).rejects.toMatchObject({ code: 'PRINCIPAL_TAKEN' })
  })

  test('is not known', async () => {
    const { store, device, theirs, bound } = await scene()
    await store.insert(theirs)
    expect(await bound.isKnown(await device.proof({ audience: SERVER, purpose: 'known', now: NOW }))).toBe(false)
  })

  test('does not act alone where the account gave the principal up', async () => {
    const { store, device, theirs, adopted, bound } = await scene()
    await adopted()
    expect(await store.unlink(theirs.issuer, theirs.subject, theirs.principal)).toBe(true)
    expect(await bound.lookup(device.principal, theirs.thumbprint)).toBe('active')
    expect(await bound.lookup(device.principal, device.thumbprint)).toBe('disabled')
    const proof = await device.proof({ audience: SERVER, purpose: 'exchange', now: NOW })
    await expect(bound.verifyDevice(proof)).rejects.toMatchObject({ code: 'PRINCIPAL_DISABLED' })
  })
})
