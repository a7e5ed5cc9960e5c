import { fc } from '../../lib/seeded.testing.ts'
import { describe, expect, test, vi } from 'vitest'
import { createAuth, memoryStore } from '../../lib/index.ts'
import { nobleSuite } from '../../lib/noble.ts'
import { createRecovery, toPhrase } from '../../lib/recovery.ts'
import { openDeviceKey } from '../../lib/profile.ts'
import { memoryAccountServer } from '../../lib/testing.ts'
import { parseKeyring } from '../../lib/keystore/keyring.ts'
import {
  JAZZ_ANONYMOUS_ISSUER,
  JAZZ_LIFETIME_S,
  jazzAudience,
  jazzProfile,
  jazzUserId,
  openJazzIdentity,
  openJazzKey,
} from './index.ts'
import { APP, IDENTITIES, NOW, VECTORS, membersOf, userIdOf } from './jazz.testing.ts'
// Loaded in advance: the time limit of the client is for a network, not for a compiler.
import '../../lib/client/lazy.ts'

describe.each(IDENTITIES.map((identity) => [identity.name, identity] as const))('the secret %s', (_, identity) => {
  describe.each([
    ['WebCrypto', {}],
    ['@noble', { crypto: nobleSuite }],
  ])('with %s', (_, options) => {
    test('has its public key and its user id', async () => {
      const key = await openJazzKey(identity.seed_b64url, options)
      expect(key.publicKey).toBe(identity.public_key_b64url)
      expect(Buffer.from(key.publicKey, 'base64url').toString('hex')).toBe(identity.public_key_hex)
      expect(key.userId).toBe(identity.user_id)
    })

    test('signs its tokens, byte for byte', async () => {
      const key = await openJazzKey(identity.seed_b64url, options)
      const input = { audience: identity.audience, now: identity.now, lifetime: identity.ttl }
      expect(await key.mintToken(input)).toBe(identity.token)
      expect(await key.mintToken({ ...input, issuer: JAZZ_ANONYMOUS_ISSUER })).toBe(identity.anonymous_token)
    })
  })

  test('has a user id without a secure context, too', async () => {
    vi.stubGlobal('crypto', { getRandomValues: crypto.getRandomValues.bind(crypto) })
    try {
      expect(await jazzUserId(identity.seed_b64url)).toBe(identity.user_id)
      expect(await jazzAudience(identity.audience)).toBe(identity.audience_normalised)
    } finally {
      vi.unstubAllGlobals()
    }
  })

  test('has another key and another id in latchkey/v1', async () => {
    const seed = new Uint8Array(Buffer.from(identity.seed_hex, 'hex'))
    const { principal, x } = await openDeviceKey(seed)
    expect([principal, x]).not.toContain(identity.user_id)
    expect([principal, x]).not.toContain(identity.public_key_b64url)
  })
})

test('every key has a user id of its own, a UUIDv5', async () => {
  const secret = fc.uint8Array({ minLength: 32, maxLength: 32 })
  await fc.assert(
    fc.asyncProperty(secret, async (bytes) => {
      const { userId, publicKey } = await openJazzKey(Buffer.from(bytes).toString('base64url'))
      expect(userId).toBe(userIdOf(Buffer.from(publicKey, 'base64url')))
      expect(userId).toMatch(/^[\da-f]{8}-[\da-f]{4}-5[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
    }),
    { numRuns: 200 },
  )
})

test.each(['', 'a', 'A'.repeat(42), 'A'.repeat(44), `${'A'.repeat(42)}B`, `${'A'.repeat(42)}=`, '00'.repeat(32)])(
  'the text %j is no secret, and the error does not repeat it',
  async (text) => {
    const error: unknown = await openJazzKey(text).catch((failure: unknown) => failure)
    expect(error).toMatchObject({ code: 'SECRET_INVALID' })
    expect(String(error)).toBe('LatchkeyError: SECRET_INVALID')
  },
)

describe('an audience', () => {
  test.each(VECTORS.audiences.map((audience) => [audience.in, audience.out] as const))(
    '%j is %s',
    async (name, out) => {
      expect(await jazzAudience(name)).toBe(out)
    },
  )

  const ID = '550e8400-e29b-41d4-a716-446655440000'
  test.each([
    ID,
    ID.toUpperCase(),
    ID.replaceAll('-', ''),
    ID.replaceAll('-', '').toUpperCase(),
    `{${ID}}`,
    `{${ID.toUpperCase()}}`,
    `urn:uuid:${ID}`,
    `urn:uuid:${ID.toUpperCase()}`,
  ])('that is a UUID stays the same: %s', async (text) => {
    expect(await jazzAudience(text)).toBe(ID)
  })

  test.each([
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    '12345678-1234-0234-1234-123456789abc',
  ])('of any version and variant stays the same: %s', async (text) => {
    expect(await jazzAudience(text)).toBe(text)
  })

  test.each([
    ` ${ID}`,
    `${ID}\n`,
    `{${ID}`,
    `${ID}}`,
    `{${ID.replaceAll('-', '')}}`,
    `URN:UUID:${ID}`,
    `urn:uuid:${ID.replaceAll('-', '')}`,
    `(${ID})`,
    ID.replace('-', ''),
    `${ID.slice(0, 9)}-${ID.slice(9)}`,
    ID.replace('5', 'g'),
    ID.replace('5', '５'),
  ])('that only resembles a UUID is a name: %j', async (text) => {
    const audience = await jazzAudience(text)
    expect(audience).not.toBe(ID)
    expect(audience[14]).toBe('5')
  })

  test('that has no UTF-8 is refused', async () => {
    for (const name of ['\ud800', 'a\udfff', undefined, null, 1, ['my-app']])
      await expect(jazzAudience(name as string)).rejects.toThrow('audience')
    expect(await jazzAudience('💥')).toHaveLength(36)
  })
})

describe('a token', () => {
  const mint = async (input: object) => (await openJazzKey(IDENTITIES[1]!.seed_b64url)).mintToken(input as never)

  test('has the claims in the order of Jazz, and lasts an hour by default', async () => {
    const token = await mint({ audience: APP, now: NOW + 0.9 })
    expect(Object.keys(membersOf(token, 0))).toEqual(['alg', 'typ'])
    const claims = membersOf(token, 1)
    expect(Object.keys(claims)).toEqual(['iss', 'sub', 'aud', 'jazz_pub_key', 'iat', 'exp'])
    expect(claims).toMatchObject({ iat: NOW, exp: NOW + JAZZ_LIFETIME_S })
  })

  test('takes the system clock by default', async () => {
    vi.useFakeTimers({ now: 1_900_000_000_999, toFake: ['Date'] })
    try {
      expect(membersOf(await mint({ audience: APP }), 1)).toMatchObject({ iat: 1_900_000_000 })
    } finally {
      vi.useRealTimers()
    }
  })

  test.each([
    { audience: APP, lifetime: 0 },
    { audience: APP, lifetime: -1 },
    { audience: APP, lifetime: 3601 },
    { audience: APP, lifetime: 1.5 },
    { audience: APP, lifetime: Number.NaN },
    { audience: APP, lifetime: '60' },
    { audience: APP, issuer: 'urn:latchkey:local-first' },
    { audience: APP, issuer: 'https://notes.example' },
    { audience: APP, now: Number.NaN },
    { audience: APP, now: -1 },
    { audience: 1 },
    {},
  ])('with %j is a mistake', async (input) => {
    await expect(mint(input)).rejects.toThrow(TypeError)
  })
})

describe('the identity of an auth', () => {
  async function open(options: object = {}) {
    const keystore = memoryStore()
    const auth = createAuth({ keystore, audience: 'https://notes.example', ...options })
    await auth.ready
    const device = async () =>
      parseKeyring(await keystore.read())!.entries.find((entry) => entry.kind === 'device') as { derived?: boolean }
    return { auth, device }
  }

  test('is the one of its secret, in both profiles', async () => {
    const { auth } = await open()
    await auth.importSecret(IDENTITIES[1]!.seed_b64url, { replace: true })
    const identity = await openJazzIdentity(auth)
    expect(identity).toMatchObject({
      userId: IDENTITIES[1]!.user_id,
      publicKey: IDENTITIES[1]!.public_key_b64url,
      secret: IDENTITIES[1]!.seed_b64url,
      principal: auth.getState().session!.principal,
    })
    expect(await identity.mintToken({ audience: APP, now: NOW })).toBe(IDENTITIES[1]!.token)
  })

  test('stays on the device: data depends on the secret', async () => {
    const { auth, device } = await open()
    expect((await device()).derived).toBe(false)
    await openJazzIdentity(auth)
    expect((await device()).derived).toBe(true)
  })

  test('signs nothing once another identity is current', async () => {
    const { auth } = await open()
    const identity = await openJazzIdentity(auth)
    await auth.importSecret(IDENTITIES[1]!.seed_b64url, { replace: true })
    await expect(identity.mintToken({ audience: APP })).rejects.toMatchObject({ code: 'IDENTITY_CHANGED' })
    await auth.signOut()
    await expect(identity.mintToken({ audience: APP })).rejects.toMatchObject({ code: 'IDENTITY_CHANGED' })
  })

  test('is that of an alias too, if the app names it: an account adopted it', async () => {
    const server = memoryAccountServer()
    await server.connect().signUp('ada')
    const account = server.connect()
    const { auth } = await open({ account: account.provider, onConflict: 'adopt', describeLocal: () => ({ items: 1 }) })
    const before = await openJazzIdentity(auth)
    await auth.upgrade(() => account.signIn('ada'))
    const { principal, principals } = auth.getState().session!
    expect(principals).toEqual([principal, before.principal])
    await expect(openJazzIdentity(auth)).rejects.toMatchObject({ code: 'IDENTITY_UNKNOWN' })
    const after = await openJazzIdentity(auth, { principal: before.principal })
    expect(after).toMatchObject({ userId: before.userId, secret: before.secret, principal: before.principal })
  })

  test('is none while there is no device identity, and none of hardened keys', async () => {
    const { auth } = await open({ initialMode: 'anonymous' })
    await expect(openJazzIdentity(auth)).rejects.toMatchObject({ code: 'IDENTITY_UNKNOWN' })
    const hardened = (await open({ harden: 'always' })).auth
    await expect.poll(() => hardened.getState().storage.protection).toBe('hardened')
    await expect(openJazzIdentity(hardened)).rejects.toMatchObject({ code: 'SECRET_HARDENED' })
  })
})

describe('the preview of words', () => {
  test('shows both identities of the secret, as the backup did', async () => {
    const auth = createAuth({ keystore: memoryStore(), audience: 'https://notes.example' })
    await auth.ready
    const recovery = createRecovery(auth, { profiles: [jazzProfile] })
    const ids = { 'jazz/2': await jazzUserId(await auth.exportSecret()) }
    const backup = await recovery.beginBackup()
    expect(backup.ids).toEqual(ids)

    const other = createAuth({ keystore: memoryStore(), audience: 'https://notes.example', name: 'other' })
    await other.ready
    const preview = await createRecovery(other, { profiles: [jazzProfile] }).readPhrase(backup.words.join(' '))
    expect(preview).toMatchObject({ principal: backup.principal, ids })
  })

  test.each(IDENTITIES)('of $name shows the user id of the vector', async ({ seed_b64url: secret, user_id: id }) => {
    const auth = createAuth({ keystore: memoryStore(), audience: 'https://notes.example' })
    await auth.ready
    const recovery = createRecovery(auth, { profiles: [jazzProfile] })
    expect((await recovery.readPhrase(await toPhrase(secret))).ids).toEqual({ 'jazz/2': id })
    expect((await recovery.readSecret(secret)).ids).toEqual({ 'jazz/2': id })
  })

  test('shows no ids without profiles', async () => {
    const auth = createAuth({ keystore: memoryStore(), audience: 'https://notes.example' })
    await auth.ready
    for (const options of [{}, { profiles: [] }])
      expect('ids' in (await createRecovery(auth, options).readSecret(IDENTITIES[0]!.seed_b64url))).toBe(false)
  })
})
