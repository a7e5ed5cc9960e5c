import { complaintsOf } from '../support/console.ts'
import { expect as expectAtOnce, test } from '../support/servers.ts'

/** A first visit compiles what it visits. */
const expect = expectAtOnce.configure({ timeout: 30_000 })

// Development is where React says most about hydration; production is what people get.
for (const mode of ['dev', 'start'] as const) {
  test.describe(`next ${mode}`, () => {
    test.describe.configure({ timeout: 180_000 })

    test('a page hydrates without a warning and shows who is here, over reloads too', async ({ device, nextApp }) => {
      const { page } = await device()
      const complaints = complaintsOf(page)
      const response = await page.goto(await nextApp(mode))
      expect((await response!.text()).match(/nobody yet/g)!.length).toBeGreaterThanOrEqual(2)
      await expect(page.getByTestId('server')).toHaveText('anonymous')
      const principals = page.getByTestId('principal')
      await expect(principals).toHaveText([/^[0-9a-f-]{36}$/, /^[0-9a-f-]{36}$/])
      const [principal] = await principals.allTextContents()

      for (let round = 0; round < 3; round++) {
        await page.reload()
        await expect(principals).toHaveText([principal!, principal!])
      }
      expect(complaints).toEqual([])
    })

    test('a route handler knows who asks, and permits no write without a principal', async ({
      device,
      nextApp,
      request,
    }) => {
      const { page, principal } = await device()
      const complaints = complaintsOf(page)
      await page.goto(await nextApp(mode))
      await page.getByTestId('early').getByRole('button').click()
      const answer = page.getByTestId('early').locator('output')
      await expect(answer).not.toBeEmpty()
      // Asked before, the page may have no identity yet: the first visit compiles what it visits.
      await expect(answer).toHaveText(`201 {"owner":"${await principal()}"}`)
      expect(complaints).toEqual([])
      const anonymous = await request.post(`${await nextApp(mode)}/api/who`)
      expect([anonymous.status(), await anonymous.text()]).toEqual([
        403,
        expect.stringContaining('ANONYMOUS_WRITE_DENIED'),
      ])
    })

    test('a server component and a server action know the account by its cookie', async ({
      device,
      accountServer,
      nextApp,
    }) => {
      const { page, context } = await device()
      const complaints = complaintsOf(page)
      await page.goto(await nextApp(mode))
      await page.getByRole('button', { name: 'Add a note' }).click()
      await expect(page.getByTestId('owner')).toHaveText('401')

      await context.request.post(`${accountServer.url}/api/auth/sign-up/email`, {
        headers: { origin: accountServer.url },
        data: { email: `${mode}@notes.example`, password: 'correct horse battery', name: 'Ada' },
      })
      await page.reload()
      const [user] = await accountServer.rows<{ id: string }>(
        'select id from "user" where email = ?',
        `${mode}@notes.example`,
      )
      await expect(page.getByTestId('server')).toHaveText(user!.id)
      await page.getByRole('button', { name: 'Add a note' }).click()
      await expect(page.getByTestId('owner')).toHaveText(user!.id)
      expect(complaints).toEqual([])
    })
  })
}
