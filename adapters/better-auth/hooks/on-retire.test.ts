import { expect, test, vi } from 'vitest'
import { latchkey, latchkeyJwt } from '../index.ts'
import { onEachEngine } from '../testing/engines.testing.ts'
import { person } from '../testing/server.testing.ts'

const ada = person('ada')

onEachEngine((newServer) => {
  async function deletedUser(onRetire: (principals: readonly string[]) => void | Promise<void>) {
    const server = await newServer({
      user: { deleteUser: { enabled: true } },
      plugins: [latchkey({ onRetire }), latchkeyJwt()],
    })
    const browser = server.browser()
    const auth = await browser.load()
    const { principal } = auth.getState().session!
    await auth.upgrade(() => browser.client.signUp.email(ada))
    const [user] = await server.rows('user')
    const { error } = await browser.client.deleteUser({ password: ada.password })
    return { principal, user: user!, error, server }
  }

  test('the app is told which principals a deleted user had: they are retired then', async () => {
    const onRetire = vi.fn<(principals: readonly string[]) => void>()
    const { principal, user, error } = await deletedUser(onRetire)
    expect(error).toBeNull()
    expect(onRetire).toHaveBeenCalledTimes(1)
    expect(onRetire.mock.calls[0]![0].toSorted()).toEqual([principal, user['id']].toSorted())
  })

  test('what the app throws does not undo the deletion, and the principals stay retired', async () => {
    const { error, server, principal } = await deletedUser(() => Promise.reject(new Error('not today')))
    expect(error).toBeNull()
    expect(await server.rows('user')).toEqual([])
    const rows = await server.rows('latchkeyPrincipal')
    expect(rows.find((row) => row['principal'] === principal)).toMatchObject({ kind: 'retired' })
  })
})
