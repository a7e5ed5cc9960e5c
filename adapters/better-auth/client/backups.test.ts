import { afterEach, describe, expect, test, vi } from 'vitest'
import { createPasskeyBackup } from '../../../lib/passkey.ts'
import { fakeAuthenticator } from '../../../lib/passkey/authenticator.testing.ts'
import { backupStoreAcceptance } from '../../../lib/testing.ts'
import { latchkey, latchkeyJwt } from '../index.ts'
import { type NewServer, onEachEngine } from '../testing/engines.testing.ts'
import { type TestServer, person, testServer } from '../testing/server.testing.ts'
import { betterAuthBackups } from './index.ts'

const ANYONE = { replace: true, evenIfUnknown: true }

async function device(server: TestServer) {
  const browser = server.browser()
  const auth = await browser.load()
  const store = betterAuthBackups(browser.client)
  return { browser, auth, store, passkeys: createPasskeyBackup(auth, { app: 'Notes', store }) }
}

async function withAccount(server: TestServer, name = 'ada') {
  const one = await device(server)
  expect(await one.auth.upgrade(() => one.browser.client.signUp.email(person(name)))).toMatchObject({
    outcome: 'upgraded',
  })
  return one
}

afterEach(() => vi.unstubAllGlobals())

onEachEngine((newServer: NewServer) => {
  describe('the store of the plugin, as every store', () => {
    const backupsWithoutAccount = { perAddressAndDay: 99, total: 99, days: 9 }
    const open = async () => {
      const server = await newServer({ plugins: [latchkey({ backupsWithoutAccount }), latchkeyJwt()] })
      return { store: betterAuthBackups(server.browser().client) }
    }
    for (const { name, run } of backupStoreAcceptance(open)) test(name, run)
  })

  test('a passkey alone brings an identity back over the plugin', async () => {
    const fake = fakeAuthenticator()
    const server = await newServer()
    const first = await withAccount(server)
    const { problem } = await first.passkeys.seal(await first.passkeys.add())
    expect(problem).toBeUndefined()
    expect(await first.passkeys.verify()).toBe('synced')

    const second = await device(server)
    const preview = await second.passkeys.readStored()
    expect(preview.principal).toBe(first.auth.getState().session!.principal)
    await second.passkeys.importBackup(preview, ANYONE)
    expect(await second.auth.deriveKey('notes')).toEqual(await first.auth.deriveKey('notes'))

    await first.passkeys.removeStored()
    await expect(second.passkeys.readStored()).rejects.toMatchObject({ code: 'BACKUP_UNKNOWN' })
    expect(fake.signalled).toEqual([])
  })
})

describe('the store of the plugin', () => {
  test('has no locator in any address, and reads without cookies', async () => {
    fakeAuthenticator()
    const server = await testServer()
    const first = await withAccount(server)
    await first.passkeys.seal(await first.passkeys.add())
    await first.passkeys.verify()
    await first.passkeys.removeStored()
    const sent = first.browser.requests.filter(({ url }) => url.includes('/latchkey/backup'))
    expect(sent.map(({ url }) => new URL(url).pathname.replace('/api/auth/latchkey', ''))).toEqual([
      '/backup',
      '/backup/read',
      '/backup/renew',
      '/backup/read',
      '/backup/remove',
    ])
    expect(sent.map(({ url }) => new URL(url).search).join('')).toBe('')
    expect(sent.map(({ credentials }) => credentials)).toEqual(['include', 'omit', 'include', 'omit', 'include'])
  })

  test('reports its refusals by their codes', async () => {
    fakeAuthenticator()
    const server = await testServer()
    const first = await device(server)
    expect((await first.passkeys.seal(await first.passkeys.add())).problem).toBe('BACKUP_ACCOUNT_NEEDED')
    const locator = 'A'.repeat(43)
    await expect(first.store.put(locator, 'x', async () => 'no proof')).rejects.toMatchObject({
      code: 'TOKEN_MALFORMED',
    })
  })

  test('works where every proof needs a nonce', async () => {
    fakeAuthenticator()
    const plugins = [
      latchkey({ requireNonce: true, backupsWithoutAccount: { perAddressAndDay: 9, total: 9, days: 9 } }),
      latchkeyJwt(),
    ]
    const server = await testServer({ plugins })
    const first = await device(server)
    const { fetch, baseURL, proofState } = first.browser.client.$latchkey()
    const store = betterAuthBackups({ $latchkey: () => ({ fetch, baseURL, proofState, requireNonce: true }) })
    const passkeys = createPasskeyBackup(first.auth, { app: 'Notes', store })
    expect((await passkeys.seal(await passkeys.add())).problem).toBeUndefined()
  })

  test.each([
    ['a captive portal', () => new Response('<h1>Log in</h1>', { headers: { 'content-type': 'text/html' } })],
    ['a gateway that says yes to everything', () => Response.json({ ok: true })],
    ['an expiry that is not a time', () => Response.json({ expiresAt: 'never', status: 'yes' })],
  ])('is offline behind %s: nothing counts as stored or removed', async (_, answer) => {
    fakeAuthenticator()
    const server = await testServer()
    const first = await withAccount(server)
    const added = await first.passkeys.add()
    const behind: typeof first.browser.intercept = async (request, forward) => {
      first.browser.intercept = behind
      return /\/latchkey\/backup(\/remove)?$/.test(request.url) ? answer() : forward()
    }
    first.browser.intercept = behind
    expect((await first.passkeys.seal(added)).problem).toBe('OFFLINE')
    expect(await server.rows('latchkeyBackup')).toEqual([])
    first.browser.intercept = null
    expect((await first.passkeys.seal(added)).problem).toBeUndefined()
    first.browser.intercept = behind
    await expect(first.passkeys.removeStored()).rejects.toMatchObject({ code: 'OFFLINE' })
    first.browser.intercept = null
    expect(await first.passkeys.readStored()).toMatchObject({ knownHere: true })
  })

  test('restores the data of a lost device whose key was revoked, and that backup counts', async () => {
    fakeAuthenticator()
    const server = await testServer()
    const lost = await withAccount(server)
    await lost.passkeys.seal(await lost.passkeys.add())
    const second = await device(server)
    await second.auth.upgrade(() => second.browser.client.signIn.email(person('ada')))
    await server.change('latchkeyKey', { retiredAt: new Date() })
    await second.passkeys.unlockData(await second.passkeys.readStored())
    const backups = async () =>
      (await second.auth.listIdentities({ withCurrent: true })).flatMap((kept) => kept.backups)
    expect(await backups()).toMatchObject([{ shownOn: 'another', stored: { expiresAt: null } }])
    expect(await second.passkeys.verify()).toBe('synced')
    expect(await backups()).toMatchObject([{ stored: { expiresAt: null } }])
    // It gets no other one there.
    const credentialId = (await backups())[0]!.credentialId!
    const sealed = await second.passkeys.seal(await second.passkeys.add({ credentialId }))
    expect(sealed.problem).toBe('PRINCIPAL_DISABLED')
  })

  test('works on a device whose clock is wrong', async () => {
    fakeAuthenticator()
    const server = await testServer()
    const first = await withAccount(server)
    const clock = (): number => Date.now() - 60 * 60 * 1000
    const passkeys = createPasskeyBackup(first.auth, { app: 'Notes', store: first.store, clock })
    expect((await passkeys.seal(await passkeys.add())).problem).toBeUndefined()
    await passkeys.removeStored()
  })

  test.each([
    ['a captive portal', () => new Response('<h1>Log in</h1>', { headers: { 'content-type': 'text/html' } })],
    ['something in front that has no such route', () => new Response('', { status: 404 })],
    ['an answer without an envelope', () => Response.json({})],
    ['an envelope that is no text', () => Response.json({ envelope: { v: 1 } })],
  ])('is offline behind %s: nothing is taken for a missing backup', async (_, answer) => {
    fakeAuthenticator()
    const server = await testServer()
    const first = await withAccount(server)
    await first.passkeys.seal(await first.passkeys.add())
    first.browser.intercept = async () => answer()
    await expect(first.passkeys.readStored()).rejects.toMatchObject({ code: 'OFFLINE' })
    expect((await first.passkeys.readStored()).knownHere).toBe(true)
  })
})
