import type { BetterAuthOptions } from 'better-auth'
import { deviceAuthorization } from 'better-auth/plugins'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { LOSSES, OWNER, SESSION_STORES, loseDevice } from '../testing/devices.testing.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import { type Person, mailing, newPerson, pathOf, post } from '../testing/requests.testing.ts'
import type { TestServer } from '../testing/server.testing.ts'

const GRANT = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', client_id: 'tv' }

const HOUR_MS = 3_600_000

afterEach(() => vi.useRealTimers())

/** As its user may type a code of Better Auth's own letters. */
function asTyped(userCode: string): string {
  return `${userCode.slice(0, 4)}-${userCode.slice(4)}`.toLowerCase()
}

/**
 * A television shows a code, which a session approves.
 *
 * @param type - what the user types
 * @returns what the television asks with the code
 */
async function approved(server: TestServer, { browser }: Person, type = asTyped): Promise<() => Promise<Response>> {
  const television = server.browser()
  const asked = await television.send('/device/code', post({ client_id: 'tv' }))
  const codes = (await asked.json()) as Record<'device_code' | 'user_code', string>
  await browser.send(`/device?user_code=${codes.user_code}`)
  expect((await browser.send('/device/approve', post({ userCode: type(codes.user_code) }))).status).toBe(200)
  return () => television.send('/device/token', post({ ...GRANT, device_code: codes.device_code }))
}

async function expectDenied(answer: Response): Promise<void> {
  expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'access_denied' }])
}

onEachEngine((newServer) => {
  const open = (more: Partial<BetterAuthOptions> = {}): Promise<TestServer> =>
    newServer({ ...more, plugins: [deviceAuthorization({ verificationUri: '/device' })] })

  describe('the code of a device (RFC 8628)', () => {
    for (const [store, options] of Object.entries(SESSION_STORES)) {
      test(`gives a session while the one that approved it lives, in ${store}`, async () => {
        const server = await open(options())
        const { rescue } = await loseDevice(server)
        const answer = await (await approved(server, rescue))()
        expect([answer.status, await answer.json()]).toMatchObject([200, { token_type: 'Bearer' }])
      })

      for (const loss of Object.keys(LOSSES))
        test(`that a lost device approved, with its session in ${store}, gives none after ${loss}`, async () => {
          const server = await open(options())
          const { lost, end } = await loseDevice(server, loss)
          const use = await approved(server, lost)
          expect((await end()).status).toBe(200)
          await expectDenied(await use())
          expect(await server.rows('deviceCode')).toEqual([])
        })
    }

    test.each([
      ['that differ in letters only', ['ab1', 'AB1']],
      ['without Latin letters', ['один', 'два']],
    ])("of the app's own codes %s, one is not approved by an approval of the other", async (_, userCodes) => {
      const left = [...userCodes]
      const plugin = deviceAuthorization({ verificationUri: '/device', generateUserCode: async () => left.shift()! })
      const server = await newServer({ plugins: [plugin] })
      const { lost, rescue, end } = await loseDevice(server)
      const exactly = (userCode: string) => userCode
      const use = await approved(server, lost, exactly)
      const other = await approved(server, rescue, exactly)
      await end()
      await expectDenied(await use())
      expect((await other()).status).toBe(200)
    })

    test('that a lost device approved gives no session although another one tries to approve it, too', async () => {
      const server = await open()
      const { lost, rescue, end } = await loseDevice(server)
      const typed: string[] = []
      const use = await approved(server, lost, (userCode) => (typed.push(userCode), userCode))
      expect((await rescue.browser.send('/device/approve', post({ userCode: typed[0]! }))).status).toBe(400)
      await end()
      await expectDenied(await use())
    })

    test.each<[string, number]>([
      ['gives a session if it is used within a day after the approval', 23],
      ['gives none later', 25],
    ])('that is valid for days and was approved after two of them %s', async (_, hours) => {
      const server = await newServer({
        plugins: [deviceAuthorization({ verificationUri: '/device', expiresIn: '5d' })],
      })
      const { rescue } = await loseDevice(server)
      const pass = (passed: number) => void vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + passed * HOUR_MS })
      const use = await approved(server, rescue, (userCode) => (pass(48), userCode))
      pass(hours)
      const answer = await use()
      if (hours < 24) expect([answer.status, await answer.json()]).toMatchObject([200, { token_type: 'Bearer' }])
      else await expectDenied(answer)
    })

    test('gives no session if the one that approved it ends meanwhile', async () => {
      let meanwhile: (() => Promise<unknown>) | undefined
      const before = async () => void (await meanwhile?.())
      const server = await open({ databaseHooks: { session: { create: { before } } } })
      const { lost } = await loseDevice(server)
      const use = await approved(server, lost)
      meanwhile = () => server.adapter.deleteMany({ model: 'session', where: [] })
      await expectDenied(await use())
      expect(await server.rows('session')).toEqual([])
    })

    test("that an account's creator approved gives no session once the mailbox was proven", async () => {
      const mails = mailing()
      const sendVerificationEmail = (mail: object) => mails.send(mail)
      const server = await open({ emailVerification: { sendVerificationEmail } })
      const creator = await newPerson(server)
      await creator.browser.send('/sign-up/email', post(OWNER))
      const use = await approved(server, creator)
      await creator.browser.send('/send-verification-email', post({ email: OWNER.email }))
      expect((await server.browser().send(pathOf(mails.last().url))).status).toBe(200)
      await expectDenied(await use())
    })
  })
})
