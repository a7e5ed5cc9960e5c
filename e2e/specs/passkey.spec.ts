import type { Page } from '@playwright/test'
import type { Device } from 'latchkey/playwright'
import { test as base, expect } from '../support/harness.ts'

/** `test` with a device that has the page open. */
const test = base.extend<{ phone: Device }>({
  phone: async ({ device, harnessUrl }, use) => {
    const phone = await device()
    await phone.page.goto(harnessUrl)
    await use(phone)
  },
})

/** Makes a backup on a first device, and restores it on a second, empty one. */
const wholeWay = (page: Page) =>
  page.evaluate(async () => {
    const first = await harness.openPasskeyDevice('local-first')
    const { file, reach } = await first.passkeys.seal(await first.passkeys.add({ label: 'my key' }))
    const before = first.auth.getState().storage
    const verified = await first.passkeys.verify(file)
    const after = first.auth.getState().storage

    const second = await harness.openPasskeyDevice('anonymous')
    const preview = await second.passkeys.readFile(file)
    const nobody = second.auth.getState().session
    const refused = await harness.passkeyCodeOf(second.passkeys.importBackup(preview))
    const session = await second.passkeys.importBackup(preview, { evenIfUnknown: true })
    const keys = await Promise.all([first, second].map(async ({ auth }) => String(await auth.deriveKey('notes'))))
    return {
      principal: first.auth.getState().session!.principal,
      reaches: [reach, verified, preview.reach],
      before,
      after,
      nobody,
      refused,
      preview,
      session,
      isSameKey: keys[0] === keys[1],
      restored: second.auth.getState().storage,
    }
  })

/** Tries to make a backup; the code of the failure. */
const tryToAdd = (page: Page) =>
  page.evaluate(async () => {
    const { passkeys } = await harness.openPasskeyDevice('local-first')
    return harness.passkeyCodeOf(passkeys.add().then(({ credentialId }) => credentialId))
  })

test.describe('a passkey in a real browser', () => {
  for (const [name, options] of [
    ['that evaluates the PRF at once', {}],
    ['that evaluates the PRF only in a second step', { prf: 'second-step' }],
  ] as const)
    test(`${name} brings the identity to an empty device (checklist 29: by the PRF of a passkey)`, async ({
      phone,
    }) => {
      const authenticator = await phone.addAuthenticator(options)
      const way = await wholeWay(phone.page)
      expect(way).toMatchObject({
        reaches: ['synced', 'synced', 'synced'],
        before: { advice: 'test' },
        after: { durability: 'recoverable', advice: 'none' },
        nobody: null,
        refused: 'RESTORE_UNKNOWN',
        preview: { principal: way.principal, knownHere: false, label: 'my key', replaces: null },
        session: { principal: way.principal },
        isSameKey: true,
        restored: { durability: 'recoverable', advice: 'none' },
      })
      const [credential] = await authenticator.passkeys()
      expect(credential).toMatchObject({ isResidentCredential: true, rpId: 'localhost' })
      expect(Buffer.from(credential!.userHandle!, 'base64').subarray(0, 3).toString()).toBe('lk1')
    })

  test('on a security key counts while the user has it', async ({ phone }) => {
    await phone.addAuthenticator({ transport: 'usb' })
    expect(await wholeWay(phone.page)).toMatchObject({
      reaches: ['roaming', 'roaming', 'roaming'],
      after: { advice: 'none' },
    })
  })

  test('that stays on this device opens the file, and never counts', async ({ phone }) => {
    await phone.addAuthenticator({ isSynced: false })
    expect(await wholeWay(phone.page)).toMatchObject({
      reaches: ['this-device', 'this-device', 'this-device'],
      after: { advice: 'back-up' },
      isSameKey: true,
      restored: { advice: 'back-up' },
    })
  })

  test('without a PRF is refused, and removed', async ({ phone }) => {
    const authenticator = await phone.addAuthenticator({ prf: false })
    expect(await tryToAdd(phone.page)).toBe('PASSKEY_UNSUITABLE')
    expect(await authenticator.passkeys()).toHaveLength(0)
  })

  test('whose user is not verified is refused', async ({ phone }) => {
    const authenticator = await phone.addAuthenticator()
    await authenticator.setUserVerified(false)
    expect(await tryToAdd(phone.page)).toBe('PASSKEY_CANCELLED')
  })

  test('is not made twice in one authenticator', async ({ phone }) => {
    const authenticator = await phone.addAuthenticator()
    const code = await phone.page.evaluate(async () => {
      const { passkeys } = await harness.openPasskeyDevice('local-first')
      await passkeys.seal(await passkeys.add())
      return harness.passkeyCodeOf(passkeys.add())
    })
    expect(code).toBe('PASSKEY_EXISTS')
    expect(await authenticator.passkeys()).toHaveLength(1)
  })

  test('of another backup opens nothing, and every passkey stays', async ({ phone }) => {
    const authenticator = await phone.addAuthenticator()
    const files = await phone.page.evaluate(async () => {
      const made = []
      for (let times = 0; times < 2; times++) {
        const { passkeys } = await harness.openPasskeyDevice('local-first')
        made.push((await passkeys.seal(await passkeys.add())).file)
      }
      return made
    })
    // There is no choice: the virtual authenticator takes the same passkey for both files.
    const codes = await phone.page.evaluate(async (given) => {
      const { auth, passkeys } = await harness.openPasskeyDevice('anonymous')
      const found = []
      for (const file of given)
        found.push(await harness.passkeyCodeOf(passkeys.readFile(file).then(({ principal }) => principal)))
      return { found, session: auth.getState().session }
    }, files)
    expect(codes.found.filter((code) => code === 'BACKUP_NOT_OPENED')).toHaveLength(1)
    expect(codes.session).toBeNull()
    expect(await authenticator.passkeys()).toHaveLength(2)
  })

  test('of another site is not asked for', async ({ phone }) => {
    await phone.addAuthenticator()
    const code = await phone.page.evaluate(async () => {
      const first = await harness.openPasskeyDevice('local-first')
      const { file } = await first.passkeys.seal(await first.passkeys.add())
      return harness.passkeyCodeOf(first.passkeys.readFile(file, { rpId: 'evil.example' }))
    })
    expect(code).toBe('PASSKEY_UNAVAILABLE')
  })
})
