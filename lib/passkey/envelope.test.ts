import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { LatchkeyError } from '../errors.ts'
import { encodeBase64url } from '../identity/encoding.ts'
import { testDevice } from '../testing/device.ts'
import vectors from '../vectors/latchkey-v1.json' with { type: 'json' }
import { type EnvelopeContext, keysOf, open, parseEnvelope, seal } from './envelope.ts'

const { secret, thumbprint: jkt } = vectors.identities[1]!
const prf = new Uint8Array(32).fill(7)
const context: EnvelopeContext = { rpId: 'notes.example', name: 'notes' }
const sealed = { secret, label: 'Recovery key', createdAt: 1_770_000_000_000 }
const { kek, locator } = await keysOf(prf)
const text = await seal(sealed, kek, context)

/** The key and the additional data, derived by node:crypto. */
const KEY = Buffer.from(hkdfSync('sha256', prf, '', 'latchkey/v1/prf/wrap', 32))
const ADDITIONAL = Buffer.from('latchkey/v1/envelope\0notes.example\0notes')

/** Seals any text as another implementation would. */
function sealElsewhere(plain: string): string {
  const nonce = Buffer.alloc(12, 3)
  const cipher = createCipheriv('aes-256-gcm', KEY, nonce).setAAD(ADDITIONAL)
  const ct = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  return JSON.stringify({ v: 1, alg: 'A256GCM', n: nonce.toString('base64url'), ct: ct.toString('base64url') })
}

async function failureOf(work: Promise<unknown>): Promise<LatchkeyError> {
  return work.then(
    () => expect.unreachable(),
    (error: LatchkeyError) => error,
  )
}

describe('an envelope', () => {
  test('has the format that is documented, as node:crypto opens it', () => {
    const members = JSON.parse(text) as Record<string, string>
    expect(Object.keys(members)).toEqual(['v', 'alg', 'n', 'ct'])
    expect(members).toMatchObject({ v: 1, alg: 'A256GCM' })
    const bytes = Buffer.from(members['ct']!, 'base64url')
    const cipher = createDecipheriv('aes-256-gcm', KEY, Buffer.from(members['n']!, 'base64url'))
    cipher.setAAD(ADDITIONAL).setAuthTag(bytes.subarray(-16))
    const plain = Buffer.concat([cipher.update(bytes.subarray(0, -16)), cipher.final()]).toString()
    expect(plain).toBe(
      `{"secret":"${secret}","profile":"latchkey/v1","jkt":"${jkt}","createdAt":1770000000000,"label":"Recovery key"}`,
    )
  })

  test('that another implementation sealed is opened', async () => {
    const elsewhere = sealElsewhere(JSON.stringify({ ...sealed, profile: 'latchkey/v1', jkt }))
    expect(await open(elsewhere, kek, context)).toEqual(sealed)
  })

  test('shows a label without invisible characters, which could reverse the text around it', async () => {
    const label = 'my\u202e phone\u0000\u2028, ☎️'
    const elsewhere = sealElsewhere(JSON.stringify({ ...sealed, label, profile: 'latchkey/v1', jkt }))
    expect((await open(elsewhere, kek, context)).label).toBe('my phone, ☎️')
  })

  test('has a new nonce each time, and is opened again', async () => {
    const other = await seal(sealed, kek, context)
    expect(JSON.parse(other).n).not.toBe(JSON.parse(text).n)
    expect(await open(other, kek, context)).toEqual(sealed)
    expect(await open(text, kek, context)).toEqual(sealed)
  })

  test('is opened by no other bytes, relying party or app', async () => {
    const attempts: [Uint8Array<ArrayBuffer>, EnvelopeContext][] = [
      [new Uint8Array(32), context],
      [new Uint8Array(prf).fill(8, 31), context],
      [prf, { ...context, rpId: 'example' }],
      [prf, { ...context, rpId: 'evil.example' }],
      [prf, { ...context, name: 'latchkey' }],
      [prf, { rpId: 'notes.example\0notes', name: '' }],
    ]
    for (const [bytes, other] of attempts)
      expect(await failureOf(open(text, (await keysOf(bytes)).kek, other))).toMatchObject({ code: 'BACKUP_NOT_OPENED' })
  })

  test('that was changed in any byte is not opened', async () => {
    const { nonce, sealed: bytes } = parseEnvelope(text)
    const flip = (from: Uint8Array<ArrayBuffer>, place: number): Uint8Array<ArrayBuffer> =>
      new Uint8Array(from.with(place, from[place]! ^ 1))
    const changed = [
      ...Array.from(bytes, (_, place) => ({ nonce, sealed: flip(bytes, place) })),
      ...Array.from(nonce, (_, place) => ({ nonce: flip(nonce, place), sealed: bytes })),
      { nonce, sealed: bytes.slice(0, -1) },
      { nonce, sealed: new Uint8Array() },
    ]
    for (const { nonce: n, sealed: ct } of changed) {
      const envelope = { v: 1, alg: 'A256GCM', n: encodeBase64url(n), ct: encodeBase64url(ct) }
      expect(await failureOf(open(JSON.stringify(envelope), kek, context))).toMatchObject({ code: 'BACKUP_NOT_OPENED' })
    }
  })

  test.each([
    ['no JSON', 'secret'],
    ['null', 'null'],
    ['another profile', JSON.stringify({ ...sealed, profile: 'latchkey/v2', jkt })],
    ['the thumbprint of another identity', JSON.stringify({ ...sealed, profile: 'latchkey/v1', jkt: 'x' })],
    ['no secret', JSON.stringify({ ...sealed, secret: 'x', profile: 'latchkey/v1', jkt })],
    ['no time', JSON.stringify({ ...sealed, createdAt: '5', profile: 'latchkey/v1', jkt })],
    ['a time that no clock shows', JSON.stringify({ ...sealed, createdAt: 9e15, profile: 'latchkey/v1', jkt })],
    ['no label', JSON.stringify({ ...sealed, label: 5, profile: 'latchkey/v1', jkt })],
  ])('that contains %s is not opened', async (_, plain) => {
    const error = await failureOf(open(sealElsewhere(plain), kek, context))
    expect(error).toMatchObject({ code: 'BACKUP_NOT_OPENED' })
    expect(error.message).toBe('BACKUP_NOT_OPENED')
    expect(error.cause).toBeUndefined()
  })

  test('is kept at a locator of its own, as node:crypto derives it', () => {
    expect(locator).toBe(Buffer.from(hkdfSync('sha256', prf, '', 'latchkey/v1/prf/locate', 32)).toString('base64url'))
    expect(kek.extractable).toBe(false)
  })

  test('that is no text of an envelope is not opened', async () => {
    for (const other of ['', 'null', '{}', text.slice(1)])
      expect(await failureOf(open(other, kek, context))).toMatchObject({ code: 'BACKUP_NOT_OPENED' })
  })

  test('shows nothing of the secret or the identity', async () => {
    const device = await testDevice()
    const envelope = await seal({ ...sealed, secret: device.secret }, kek, context)
    for (const hidden of [device.secret, device.principal, 'Recovery key', 'notes'])
      expect(envelope).not.toContain(hidden)
  })
})

describe('reading refuses', () => {
  const members = JSON.parse(text) as Record<string, unknown>
  test.each([
    ['nothing', ''],
    ['no JSON', 'the words of a wallet'],
    ['null', 'null'],
    ['a text', '"A256GCM"'],
    ['a list', '[1]'],
    ['a newer version', JSON.stringify({ ...members, v: 2 })],
    ['another algorithm', JSON.stringify({ ...members, alg: 'none' })],
    ['a short nonce', JSON.stringify({ ...members, n: 'AAAA' })],
    ['a nonce that is no text', JSON.stringify({ ...members, n: 5 })],
    ['no cipher text', JSON.stringify({ ...members, ct: undefined })],
    ['cipher text in standard base64', JSON.stringify({ ...members, ct: 'AA==' })],
  ])('%s', (_, other) => {
    expect(() => parseEnvelope(other)).toThrow(expect.objectContaining({ message: 'BACKUP_FILE_INVALID' }))
  })
})
