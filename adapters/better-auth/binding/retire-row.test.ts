import { magicLink } from 'better-auth/plugins'
import { describe, expect, test } from 'vitest'
import { revokeKey } from './keys.ts'
import { principalStore } from './principal-store.ts'
import { statusOf } from './status.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import { elsewhere, link, unlink } from '../testing/link.testing.ts'
import { type Person, codeOf, mailing, newPerson, pathOf, post } from '../testing/requests.testing.ts'
import { type TestServer, person } from '../testing/server.testing.ts'

const [ada, ben] = [person('ada'), person('ben')]

onEachEngine((newServer) => {
  /** The key alone opens nothing: also if nothing else said that it was revoked. */
  async function expectNeverHandedBack(server: TestServer, { device }: Person): Promise<void> {
    const { adapter } = server
    const { principal, thumbprint } = device
    const principals = principalStore(adapter, new Date())
    expect(await principals.find(principal)).toMatchObject({ kind: 'retired' })
    expect((await server.rows('latchkeyAudit')).map(({ act }) => String(act).split(':').slice(0, 2))).toContainEqual([
      'retire',
      principal,
    ])
    await adapter.deleteMany({ model: 'latchkeyKey', where: [{ field: 'thumbprint', value: thumbprint }] })
    expect(await statusOf(principals, principal, thumbprint)).toBe('disabled')
    const again = await newPerson(server, device)
    const answer = await again.prove('/sign-up/email', ben)
    expect([answer.status, await codeOf(answer)]).toEqual([409, 'PRINCIPAL_TAKEN'])
  }

  describe('a principal whose key was revoked is never handed back (R10)', () => {
    test('by the end of an alias, which can be requested twice', async () => {
      const server = await newServer()
      const one = await newPerson(server)
      await one.prove('/sign-up/email', ada)
      const two = await elsewhere(server, ada)
      expect((await link(two, two.device)).status).toBe(200)
      await revokeKey(principalStore(server.adapter, new Date()), two.device.thumbprint)
      for (let time = 0; time < 2; time++) expect((await unlink(one, two.device.principal)).status).toBe(200)
      expect(await one.session()).toMatchObject({ principal: one.device.principal, aliases: [] })
      await expectNeverHandedBack(server, two)
    })

    test('by a reset', async () => {
      const mail = mailing()
      const server = await newServer({ plugins: [magicLink({ sendMagicLink: mail.send })] })
      const one = await newPerson(server)
      await one.prove('/sign-up/email', ada)
      await one.session()
      await revokeKey(principalStore(server.adapter, new Date()), one.device.thumbprint)
      const owner = await newPerson(server)
      await owner.browser.send('/sign-in/magic-link', post({ email: ada.email }))
      await owner.browser.send(pathOf(mail.last().url))
      const after = await owner.session()
      expect(after).toMatchObject({ recoverable: true })
      expect(after!.principal).not.toBe(one.device.principal)
      await expectNeverHandedBack(server, one)
    })
  })
})
