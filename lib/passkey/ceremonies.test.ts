import { createHash } from 'node:crypto'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { encodeBase64url } from '../identity/encoding.ts'
import { type Behaviour, type FakeAuthenticator, fakeAuthenticator } from './authenticator.testing.ts'
import { createCredential, evaluate } from './ceremonies.ts'
import { isRecoveryCredential } from './user-handle.ts'

const context = { rpId: 'notes.example', name: 'notes' }
const shown = { app: 'Notes', user: 'Recovery key · Notes · 2026-05-03' }
const add = (known: readonly string[] = []): Promise<string> =>
  createCredential(context, shown, { excluded: known, known })
const copy = async (prf: Uint8Array): Promise<string> => Buffer.from(prf).toString('hex')

/** An authenticator that has one passkey, and behaves in another way from then on. */
async function authenticatorThat(behaviour: Partial<Behaviour>): Promise<[FakeAuthenticator, string]> {
  const fake = fakeAuthenticator()
  const id = await add()
  fake.behaviour = { ...fake.behaviour, ...behaviour }
  return [fake, id]
}

afterEach(() => vi.unstubAllGlobals())

describe('creating a passkey', () => {
  test('asks for one that can be discovered, verifies the user, and evaluates the PRF of this app', async () => {
    const fake = fakeAuthenticator()
    await add(['AQID'])
    const [options] = fake.created
    const first = new Uint8Array(createHash('sha256').update('latchkey/v1/prf\0notes').digest())
    expect(options).toMatchObject({
      rp: { id: 'notes.example', name: 'Notes' },
      user: { name: shown.user, displayName: shown.user },
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      excludeCredentials: [{ type: 'public-key', id: Uint8Array.of(1, 2, 3) }],
      extensions: { prf: { eval: { first } } },
    })
    expect(options!.pubKeyCredParams.map(({ alg }) => alg)).toEqual([-7, -8, -257])
    expect(options!.challenge.byteLength).toBe(32)
  })

  test('has a new user handle each time, which identifies no user: an equal one is overwritten', async () => {
    const fake = fakeAuthenticator()
    await add()
    await add()
    expect(fake.credentials).toHaveLength(2)
    for (const { userHandle } of fake.credentials) expect(userHandle.subarray(0, 3).toString()).toBe('lk1')
    expect(new Set(fake.credentials.map(({ userHandle }) => userHandle.toString('hex'))).size).toBe(2)
  })

  test('works where only an evaluation at once shows the PRF, as with Windows Hello', async () => {
    const fake = fakeAuthenticator({ prf: 'hidden' })
    expect(await add()).toBe(encodeBase64url(fake.credentials[0]!.id))
  })

  test('works where the PRF is evaluated only in a second step', async () => {
    const fake = fakeAuthenticator({ prf: 'get-only' })
    const id = await add()
    expect(fake.evaluated).toHaveLength(0)
    expect((await evaluate(context, id, copy))[1]).toHaveLength(64)
  })

  test('without a PRF is refused, and the passkey that is good for nothing is removed', async () => {
    const fake = fakeAuthenticator({ prf: 'none' })
    await expect(add()).rejects.toMatchObject({ code: 'PASSKEY_UNSUITABLE' })
    expect(fake.signalled).toEqual([encodeBase64url(fake.credentials[0]!.id)])
  })

  test('never removes a passkey that is known, whatever the authenticator answers', async () => {
    const fake = fakeAuthenticator()
    const id = await add()
    vi.spyOn(navigator.credentials, 'create').mockResolvedValue({
      type: 'public-key',
      rawId: new Uint8Array(fake.credentials[0]!.id).buffer,
      getClientExtensionResults: () => ({}),
    } as unknown as PublicKeyCredential)
    await expect(add([id])).rejects.toMatchObject({ code: 'PASSKEY_UNSUITABLE' })
    expect(fake.signalled).toEqual([])
  })

  test('is refused where there is one already', async () => {
    fakeAuthenticator()
    const id = await add()
    await expect(add([id])).rejects.toMatchObject({ code: 'PASSKEY_EXISTS' })
  })

  test('works where no passkey can be removed', async () => {
    for (const signals of [{}, { signalUnknownCredential: () => Promise.reject(new Error('failed')) }]) {
      fakeAuthenticator({ prf: 'none' })
      vi.stubGlobal('PublicKeyCredential', signals)
      await expect(add()).rejects.toMatchObject({ code: 'PASSKEY_UNSUITABLE' })
    }
  })
})

describe('an evaluation', () => {
  test('verifies the user, of the passkey that was asked for', async () => {
    const [fake, id] = await authenticatorThat({})
    const [used] = await evaluate(context, id, copy)
    expect(used).toEqual({ credentialId: id, isSyncable: true, reach: 'synced' })
    expect(fake.asked).toMatchObject([
      {
        rpId: 'notes.example',
        userVerification: 'required',
        allowCredentials: [{ id: new Uint8Array(fake.credentials[0]!.id) }],
      },
    ])
    expect(fake.asked[0]!.challenge.byteLength).toBe(32)
  })

  test('lets the user choose where none was asked for', async () => {
    const [fake] = await authenticatorThat({})
    const second = await add()
    fake.choice = 1
    expect((await evaluate(context, undefined, copy))[0].credentialId).toBe(second)
    expect(fake.asked[0]!.allowCredentials).toEqual([])
  })

  test('is the same each time, and another one for another app or passkey', async () => {
    const [, id] = await authenticatorThat({})
    const other = await add()
    const bytesOf = async (name: string, credential: string): Promise<string> =>
      (await evaluate({ ...context, name }, credential, copy))[1]
    expect(await bytesOf('notes', id)).toBe(await bytesOf('notes', id))
    expect(new Set([await bytesOf('notes', id), await bytesOf('tasks', id), await bytesOf('notes', other)]).size).toBe(
      3,
    )
  })

  test('is overwritten after use, also after a failure', async () => {
    const [fake, id] = await authenticatorThat({})
    await evaluate(context, id, copy)
    await evaluate(context, id, () => Promise.reject(new Error('failed'))).catch(() => {})
    fake.behaviour = { ...fake.behaviour, isVerified: false }
    await evaluate(context, id, copy).catch(() => {})
    expect(fake.evaluated.slice(1).map((bytes) => [...new Uint8Array(bytes)])).toEqual(
      Array.from({ length: 3 }, () => Array.from({ length: 32 }, () => 0)),
    )
  })

  test.each<[string, Partial<Behaviour>]>([
    ['that did not verify the user', { isVerified: false }],
    ['of an authenticator that says nothing', { signedFor: null }],
    ['for another site', { signedFor: 'evil.example' }],
    ['of a wider site', { signedFor: 'example' }],
    ['that is synced and cannot be', { isEligible: false, isSynced: true }],
    ['without a PRF', { prf: 'none' }],
    ['of too few bytes', { evaluate: (bytes) => bytes.slice(1) }],
    ['of too many bytes', { evaluate: (bytes) => new Uint8Array([...new Uint8Array(bytes), 0]).buffer }],
    ['of no bytes', { evaluate: () => new ArrayBuffer() }],
    ['of nothing', { evaluate: () => undefined }],
    ['of null', { evaluate: () => null }],
    ['that is a number, which would be as many zeros', { evaluate: () => 32 }],
    ['that is text', { evaluate: () => 'A'.repeat(43) }],
  ])('%s is not used', async (_, behaviour) => {
    const [, id] = await authenticatorThat(behaviour)
    const use = vi.fn(copy)
    await expect(evaluate(context, id, use)).rejects.toMatchObject({ code: 'PASSKEY_UNSUITABLE' })
    expect(use).not.toHaveBeenCalled()
  })

  test('of a passkey other than the requested one is not used', async () => {
    const [, id] = await authenticatorThat({})
    await add()
    const { get } = navigator.credentials
    vi.spyOn(navigator.credentials, 'get').mockImplementation(({ publicKey } = {}) =>
      get({ publicKey: { ...publicKey!, allowCredentials: [] } }),
    )
    const use = vi.fn(copy)
    await expect(evaluate(context, id, use)).rejects.toMatchObject({ code: 'PASSKEY_UNSUITABLE' })
    expect(use).not.toHaveBeenCalled()
  })

  test.each<[string, Partial<Behaviour>, object]>([
    ['a synced passkey', {}, { isSyncable: true, reach: 'synced' }],
    ['one that is not synced yet', { isSynced: false }, { isSyncable: true, reach: 'this-device' }],
    ['one of this device', { isEligible: false, isSynced: false }, { isSyncable: false, reach: 'this-device' }],
    [
      'a security key',
      { attachment: 'cross-platform', isEligible: false, isSynced: false },
      { isSyncable: false, reach: 'roaming' },
    ],
    [
      'one of which the browser does not say where it is',
      { attachment: null, isEligible: false, isSynced: false },
      { isSyncable: false, reach: 'this-device' },
    ],
  ])('of %s says where it works', async (_, behaviour, expected) => {
    const [, id] = await authenticatorThat(behaviour)
    expect((await evaluate(context, id, copy))[0]).toMatchObject(expected)
  })
})

describe('a ceremony', () => {
  test.each([
    ['NotAllowedError', 'PASSKEY_CANCELLED'],
    ['AbortError', 'PASSKEY_CANCELLED'],
    ['InvalidStateError', 'PASSKEY_EXISTS'],
    ['SecurityError', 'PASSKEY_UNAVAILABLE'],
    ['NotSupportedError', 'PASSKEY_UNAVAILABLE'],
  ])('that fails with %s is %s', async (failure, code) => {
    fakeAuthenticator({ failure })
    await expect(add()).rejects.toMatchObject({ code, cause: { name: failure } })
    await expect(evaluate(context, undefined, copy)).rejects.toMatchObject({ code, cause: { name: failure } })
  })

  test('is refused where there are no passkeys, or the browser answers with something else', async () => {
    for (const navigator of [
      {},
      { credentials: { create: async () => null, get: async () => ({ type: 'password' }) } },
    ]) {
      vi.stubGlobal('navigator', navigator)
      await expect(add()).rejects.toMatchObject({ code: 'PASSKEY_UNAVAILABLE' })
      await expect(evaluate(context, undefined, copy)).rejects.toMatchObject({ code: 'PASSKEY_UNAVAILABLE' })
    }
  })
})

describe('isRecoveryCredential', () => {
  test('knows the user handles of this library, as bytes and as text', async () => {
    const fake = fakeAuthenticator()
    await add()
    const handle = new Uint8Array(fake.credentials[0]!.userHandle)
    expect([handle, handle.buffer, encodeBase64url(handle)].map(isRecoveryCredential)).toEqual([true, true, true])
  })

  test.each([
    ['none', null],
    ['no text', undefined],
    ['the id of a user', 'lk1'],
    // As Better Auth's: 32 characters, of any length. A passkey of the account that is reused for a backup has one.
    ['the random handle of an account', encodeBase64url(new TextEncoder().encode('k3J8vQ2mXw9ZpL5tR7yB1cN4dF6gH0sA'))],
    ['a longer one', encodeBase64url(new Uint8Array(33).fill(0x6c))],
    ['another prefix', encodeBase64url(new Uint8Array(32))],
    ['text that is no base64url', 'lk1 and more'],
    ['no bytes', new ArrayBuffer()],
  ])('does not know %s', (_, handle) => {
    expect(isRecoveryCredential(handle)).toBe(false)
  })
})
