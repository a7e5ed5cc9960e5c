import { describe, expect, test, vi } from 'vitest'
import type { Keyring } from '../../keystore/record.ts'
import { testBrowser } from '../client.testing.ts'

/** A device whose stored secret was damaged after it was created. */
async function damaged(secret: string) {
  const browser = testBrowser()
  const { principal } = (await browser.load()).getState().session!
  const before = await (await browser.load()).exportSecret()
  const record = structuredClone((await browser.store.read()) as Keyring)
  Object.assign(record.entries[0]!, { secret })
  await browser.store.update(() => record)
  return { browser, principal, before, record: structuredClone(record), auth: await browser.load() }
}

const DAMAGES: Readonly<Record<string, string>> = {
  'with a character outside base64url': `!${'A'.repeat(42)}`,
  'that ends in bits that no secret has': `${'A'.repeat(42)}B`,
  'of another identity': 'A'.repeat(43),
}

describe.each(Object.entries(DAMAGES))('a stored secret %s', (_name, secret) => {
  test('is KEYSTORE_CORRUPT wherever it is used', async () => {
    const { auth } = await damaged(secret)
    for (const use of [() => auth.getToken(), () => auth.deriveKey('notes'), () => auth.exportSecret()])
      await expect(use()).rejects.toMatchObject({ code: 'KEYSTORE_CORRUPT' })
  })

  test('is neither overwritten nor replaced by a new identity', async () => {
    const { auth, browser, record, principal } = await damaged(secret)
    await auth.getToken().catch(() => {})
    await auth.ensureIdentity().catch(() => {})
    await auth.exportSecret().catch(() => {})
    expect(auth.getState().session?.principal).toBe(principal)
    expect(((await browser.store.read()) as Keyring).entries).toEqual(record.entries)
  })

  test('permits no sign-up or sign-in', async () => {
    const { auth } = await damaged(secret)
    const run = vi.fn()
    expect(await auth.upgrade(run)).toMatchObject({ outcome: 'failed', error: { code: 'KEYSTORE_CORRUPT' } })
    expect(run).not.toHaveBeenCalled()
  })

  test('is repaired by the backup of the same identity', async () => {
    const { auth, before, principal } = await damaged(secret)
    await auth.importSecret(before)
    expect(auth.getState().session?.principal).toBe(principal)
    expect(await auth.exportSecret()).toBe(before)
    expect(await auth.getToken()).toEqual(expect.any(String))
  })

  test('is repaired by a backup that unlocks the data', async () => {
    const { auth, before, principal } = await damaged(secret)
    await auth.unlockData(before)
    expect(auth.getState().session?.principal).toBe(principal)
    await expect(auth.exportSecret()).resolves.toBe(before)
    expect(await auth.deriveKey('notes')).toEqual(expect.any(Uint8Array))
  })
})
