import { describe, expect, test } from 'vitest'
import { createOperator } from '../index.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import { elsewhere, link, unlink } from '../testing/link.testing.ts'
import { codeOf, newPerson, post } from '../testing/requests.testing.ts'
import { person } from '../testing/server.testing.ts'

const ada = person('ada')
const grace = person('grace')

onEachEngine((newServer) => {
  /** An account that has given a device up. */
  async function givenUp() {
    const server = await newServer({ user: { deleteUser: { enabled: true } } })
    const one = await newPerson(server)
    await one.prove('/sign-up/email', ada)
    const two = await elsewhere(server, ada)
    expect((await link(two, two.device)).status).toBe(200)
    expect((await unlink(two, two.device.principal)).status).toBe(200)
    const remove = async () =>
      expect((await one.browser.send('/delete-user', post({ password: ada.password }))).status).toBe(200)
    return { server, device: two.device, remove }
  }

  describe('the principal of a device that an account gave up', () => {
    test('is free once the account is deleted: a new account takes it', async () => {
      const { server, device, remove } = await givenUp()
      await remove()
      const again = await newPerson(server, device)
      expect((await again.prove('/sign-up/email', ada)).status).toBe(200)
      expect(await again.session()).toMatchObject({ principal: device.principal })
    })

    test('is free once the account is deleted: another account links it', async () => {
      const { server, device, remove } = await givenUp()
      const other = await newPerson(server)
      await other.prove('/sign-up/email', grace)
      await other.session()
      const early = await link(other, device)
      expect([early.status, await codeOf(early)]).toEqual([409, 'PRINCIPAL_TAKEN'])
      await remove()
      expect((await link(other, device)).status).toBe(200)
      expect(await other.session()).toMatchObject({ aliases: [device.principal] })
    })

    test('is retired by an operator once the account is deleted, and not before', async () => {
      const { server, device, remove } = await givenUp()
      const operator = createOperator(server.auth)
      await expect(operator.retirePrincipal(device.principal)).rejects.toMatchObject({ code: 'PRINCIPAL_TAKEN' })
      await remove()
      await operator.retirePrincipal(device.principal)
      expect(await operator.principal(device.principal)).toMatchObject({ holder: 'retired' })
    })
  })
})
