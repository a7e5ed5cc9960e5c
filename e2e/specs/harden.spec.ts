import type { Page } from '@playwright/test'
import { createTokenVerifier } from 'latchkey/server'
import { enter, expect, payloadOf, principalOf, someEmail, start, test, tokenOf } from '../support/account.ts'

/** What script can do with the keys of the device entry, past the library. */
const useKeys = (page: Page) =>
  page.evaluate(async () => {
    const entry = (await account.readRecord())!.entries.find(({ kind }) => kind === 'device')!
    const { sign, appRoot } = entry.keys!
    const probe = new TextEncoder().encode('probe')
    const publicKey = await crypto.subtle.importKey(
      'jwk',
      { kty: 'OKP', crv: 'Ed25519', x: entry.x! },
      'Ed25519',
      false,
      ['verify'],
    )
    const isSigned = await crypto.subtle.verify(
      'Ed25519',
      publicKey,
      await crypto.subtle.sign('Ed25519', sign, probe),
      probe,
    )
    const formats = ['pkcs8', 'jwk', 'raw', 'spki'] as const
    const copies = await Promise.allSettled(
      [sign, appRoot].flatMap((key) => formats.map((format) => crypto.subtle.exportKey(format as 'raw', key))),
    )
    const wrapping = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['wrapKey'])
    const wrapped = await Promise.allSettled(
      formats.map((format) => crypto.subtle.wrapKey(format, sign, wrapping, { name: 'AES-GCM', iv: probe })),
    )
    return {
      isSigned,
      copies: [...copies, ...wrapped].filter(({ status }) => status === 'fulfilled').length,
      text: JSON.stringify([sign, appRoot]),
    }
  })

const USABLE_AND_NOT_COPIED = { isSigned: true, copies: 0, text: '[{},{}]' }

const waitUntilHardened = (page: Page) =>
  page.waitForFunction(() => account.auth.getState().storage.protection === 'hardened', undefined, { polling: 50 })

test('once an account brings the principal back the secret is gone, and its keys work on after a restart, uncopied', async ({
  launch,
  server,
}) => {
  const first = await launch()
  await start(first.page, server.url)
  const principal = await principalOf(first.page)
  const secret = await first.page.evaluate(() => account.auth.exportSecret())
  const email = someEmail()
  expect(await enter(first.page, 'signUp', email)).toBe('upgraded')
  expect(await first.page.evaluate(() => account.dumpStorage())).toContain(secret)
  await server.change('update "user" set "emailVerified" = true where email = ?', email)
  await start(first.page, server.url)
  await waitUntilHardened(first.page)
  expect(await first.page.evaluate(() => account.dumpStorage())).not.toContain(secret)
  expect(await useKeys(first.page)).toEqual(USABLE_AND_NOT_COPIED)
  await first.close()

  const { page } = await launch()
  expect(await start(page, server.url)).toMatchObject({
    authMode: 'external',
    session: { principal },
    storage: { protection: 'hardened', durability: 'recoverable' },
  })
  expect(await page.evaluate(() => account.dumpStorage())).not.toContain(secret)
  expect(await useKeys(page)).toEqual(USABLE_AND_NOT_COPIED)
  expect(await page.evaluate(() => account.codeOf(account.auth.exportSecret()))).toBe('SECRET_HARDENED')
  expect(payloadOf(await tokenOf(page, true))['sub']).toBe(principal)
})

test('an identity that is hardened from the start signs and derives the same after the browser was killed', async ({
  launch,
  server,
}) => {
  const first = await launch()
  await start(first.page, server.url, { harden: 'always' })
  await waitUntilHardened(first.page)
  const principal = await principalOf(first.page)
  const derive = (page: Page) => page.evaluate(async () => (await account.auth.deriveKey('notes')).join())
  const derived = await derive(first.page)
  await first.kill()

  const { page } = await launch()
  expect(await start(page, server.url, { harden: 'always' })).toMatchObject({
    authMode: 'local-first',
    session: { principal },
    storage: { protection: 'hardened' },
  })
  const token = String(await tokenOf(page))
  await expect(createTokenVerifier({ audience: server.url }).verify(token)).resolves.toMatchObject({ principal })
  expect(await derive(page)).toBe(derived)
  expect(await useKeys(page)).toEqual(USABLE_AND_NOT_COPIED)
})
