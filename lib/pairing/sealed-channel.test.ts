import { createDecipheriv, createECDH, createHmac } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { encodeBase64url } from '../identity/encoding.ts'
import { keysOf } from './code.ts'
import { type PairingContext, createShowerKeys, openAtScanner, openAtShower } from './sealed-channel.ts'

// RFC 9180, written again with node:crypto: labels, key schedule and export of one suite in mode_psk.
const SUITE = Buffer.from([...Buffer.from('HPKE'), 0, 16, 0, 1, 0, 2])
const KEM_SUITE = Buffer.from([...Buffer.from('KEM'), 0, 16])
const hmac = (key: Buffer, data: Buffer): Buffer => createHmac('sha256', key).update(data).digest()

function extract(suite: Buffer, salt: Buffer, label: string, ikm: Uint8Array): Buffer {
  return hmac(salt, Buffer.concat([Buffer.from('HPKE-v1'), suite, Buffer.from(label), ikm]))
}

function expand(suite: Buffer, secret: Buffer, label: string, info: Uint8Array, length: number): Buffer {
  const labelled = Buffer.concat([
    Buffer.from([length >> 8, length & 255]),
    Buffer.from('HPKE-v1'),
    suite,
    Buffer.from(label),
    info,
  ])
  return hmac(secret, Buffer.concat([labelled, Buffer.from([1])])).subarray(0, length)
}

interface Received {
  readonly privateKey: Buffer
  readonly publicKey: Uint8Array
  readonly encapsulated: Buffer
  readonly info: Buffer
  readonly psk: Uint8Array
  readonly pskId: Buffer
}

/** Returns the exporter secret of the recipient (sections 4.1, 5.1 and 5.3). */
function exporterSecret({ privateKey, publicKey, encapsulated, info, psk, pskId }: Received): Buffer {
  const ecdh = createECDH('prime256v1')
  ecdh.setPrivateKey(privateKey)
  const none = Buffer.alloc(0)
  const shared = expand(
    KEM_SUITE,
    extract(KEM_SUITE, none, 'eae_prk', ecdh.computeSecret(encapsulated)),
    'shared_secret',
    Buffer.concat([encapsulated, publicKey]),
    32,
  )
  const schedule = Buffer.concat([
    Buffer.from([1]),
    extract(SUITE, none, 'psk_id_hash', pskId),
    extract(SUITE, none, 'info_hash', info),
  ])
  return expand(SUITE, extract(SUITE, shared, 'secret', psk), 'exp', schedule, 32)
}

const secret = crypto.getRandomValues(new Uint8Array(32))
const contextWith = (channel: string, change: Partial<PairingContext> = {}): PairingContext => ({
  server: 'https://notes.example/api/auth',
  name: 'notes',
  channel,
  shower: 'h',
  ...change,
})

async function met(change: Partial<PairingContext> = {}, scannerSecret = secret) {
  const { keys: pair, publicKey } = await createShowerKeys()
  const keys = await keysOf({ secret })
  const scanner = await openAtScanner(
    contextWith(keys.channel, change),
    { publicKey },
    await keysOf({ secret: scannerSecret }),
  )
  const first = await scanner.seal(1, { name: 'phone' })
  const shower = async () => openAtShower(contextWith(keys.channel), pair, keys, first)
  return { scanner, shower, first, keys, pair, publicKey }
}

const failed = { code: 'PAIRING_FAILED' }

describe('a sealed channel', () => {
  test('is RFC 9180 in mode_psk with P-256, HKDF-SHA256 and AES-256-GCM, computed again by other code', async () => {
    const ecdh = createECDH('prime256v1')
    const publicKey = new Uint8Array(ecdh.generateKeys())
    const keys = await keysOf({ secret })
    const context = contextWith(keys.channel)
    const scanner = await openAtScanner(context, { publicKey }, keys)
    const [first, third] = [await scanner.seal(1, { name: 'phone' }), await scanner.seal(3, { secret: 'x' })]
    const bytes = Buffer.from(first, 'base64url')
    const encapsulated = bytes.subarray(0, 65)
    const parts = ['latchkey/v1/pair', context.server, context.name, context.channel, context.shower]
    const info = Buffer.concat(parts.map((part) => Buffer.concat([Buffer.from([0, part.length]), Buffer.from(part)])))
    const pskId = Buffer.from('latchkey/v1/pair/psk')
    const exporter = exporterSecret({
      privateKey: ecdh.getPrivateKey(),
      publicKey,
      encapsulated,
      info,
      psk: keys.psk,
      pskId,
    })
    // Section 5.3: exported(context) = LabeledExpand(exporter_secret, "sec", context, L).
    const key = expand(SUITE, exporter, 'sec', Buffer.from('latchkey/v1/pair/s'), 32)
    const open = (seq: number, sealed: Buffer): string => {
      const iv = Buffer.alloc(12)
      iv[11] = seq
      const cipher = createDecipheriv('aes-256-gcm', key, iv)
      cipher.setAAD(Buffer.from([...Buffer.from('s'), seq]))
      cipher.setAuthTag(sealed.subarray(-16))
      return Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()]).toString()
    }
    expect(open(1, bytes.subarray(65))).toBe('{"name":"phone"}')
    expect(open(3, Buffer.from(third, 'base64url'))).toBe('{"secret":"x"}')
  })

  test('opens what the other side sealed, in both directions', async () => {
    const { scanner, shower, first } = await met()
    const opened = await shower()
    expect(await opened.open(1, first)).toEqual({ name: 'phone' })
    const second = await opened.seal(2, { name: 'laptop' })
    expect(await scanner.open(2, second)).toEqual({ name: 'laptop' })
    expect(await opened.checkCode(first, second)).toBe(await scanner.checkCode(first, second))
    expect(await opened.checkCode(first, second)).toMatch(/^\d{4}$/)
  })

  test.each<[string, Partial<PairingContext>]>([
    ['another server', { server: 'https://evil.example/api/auth' }],
    ['another app', { name: 'other' }],
    ['another channel', { channel: 'x'.repeat(43) }],
    ['the other kind of code', { shower: 'n' }],
    ['a server and a name that only look the same', { server: 'https://notes.example/api/authn', name: 'otes' }],
  ])('of %s is not opened', async (_, change) => {
    const { shower, first } = await met(change)
    await expect((await shower()).open(1, first)).rejects.toMatchObject(failed)
  })

  test('of a device that has not seen the code is not opened', async () => {
    const { shower, first } = await met({}, crypto.getRandomValues(new Uint8Array(32)))
    await expect((await shower()).open(1, first)).rejects.toMatchObject(failed)
  })

  test('accepts no changed bit of a message', async () => {
    const { shower, first } = await met()
    const opened = await shower()
    const bytes = Buffer.from(first, 'base64url')
    for (let place = 65; place < bytes.length; place++) {
      const changed = Buffer.from(bytes)
      changed[place]! ^= 1
      await expect(opened.open(1, changed.toString('base64url')), String(place)).rejects.toMatchObject(failed)
    }
    await expect(opened.open(1, '')).rejects.toMatchObject(failed)
    await expect(opened.open(1, 'no base64url!')).rejects.toMatchObject(failed)
  })

  test('accepts no message in the place or direction of another one', async () => {
    const { scanner, shower, first } = await met()
    const opened = await shower()
    const [second, third] = [await opened.seal(2, { a: 1 }), await opened.seal(3, { a: 1 })]
    await expect(scanner.open(3, second)).rejects.toMatchObject(failed)
    await expect(scanner.open(2, third)).rejects.toMatchObject(failed)
    await expect(opened.open(2, second)).rejects.toMatchObject(failed)
    await expect(scanner.open(1, first)).rejects.toMatchObject(failed)
    const fourth = await scanner.seal(4, { a: 1 })
    await expect(scanner.open(4, fourth)).rejects.toMatchObject(failed)
  })

  test('fails closed for a key that is no point of the curve', async () => {
    const keys = await keysOf({ secret })
    for (const publicKey of [new Uint8Array(65), Uint8Array.of(4, ...new Uint8Array(64).fill(7))])
      await expect(openAtScanner(contextWith(keys.channel), { publicKey }, keys)).rejects.toMatchObject({
        code: 'PAIRING_CODE_INVALID',
      })
    const { keys: pair } = await createShowerKeys()
    for (const first of ['', encodeBase64url(new Uint8Array(90)), 'AA', 'A'])
      await expect(openAtShower(contextWith(keys.channel), pair, keys, first)).rejects.toMatchObject(failed)
  })

  test('gives check codes that depend on both messages', async () => {
    const { scanner, first } = await met()
    const codes = await Promise.all(
      Array.from({ length: 20 }, (_, index) => scanner.checkCode(first, `second${index}`)),
    )
    const others = await Promise.all(
      Array.from({ length: 20 }, (_, index) => scanner.checkCode(`first${index}`, 'second')),
    )
    expect(new Set(codes).size).toBeGreaterThan(10)
    expect(new Set(others).size).toBeGreaterThan(10)
  })
})
