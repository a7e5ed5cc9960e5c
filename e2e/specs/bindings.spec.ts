import { FRAMEWORKS } from '../tools/servers/binding-pages.mjs'
import type { bindingAcceptance } from '../harness/bindings/acceptance.ts'
import type { auth, firstShown, PARTS } from '../harness/bindings/page-parts.ts'
import type { BindingRig } from '../harness/bindings/rig.ts'
import { complaintsOf } from '../support/console.ts'
import { expect, test } from '../support/servers.ts'

declare global {
  /** In the page of a framework. */
  var bindings: {
    readonly rigs: readonly BindingRig[]
    readonly bindingAcceptance: typeof bindingAcceptance
    readonly PARTS: typeof PARTS
    readonly auth: typeof auth
    readonly firstShown: typeof firstShown
  }
}

for (const framework of FRAMEWORKS) {
  test(`the binding passes the acceptance suite: ${framework} (checklist 34: the same binding for React, Vue, Svelte, Solid and Angular)`, async ({
    device,
    pagesOf,
  }) => {
    const { page } = await device()
    await page.goto((await pagesOf(framework)).url)
    const names = await page.evaluate(() =>
      bindings.rigs.flatMap((rig, at) =>
        bindings.bindingAcceptance(rig).map(({ name }, index) => [`${rig.name} ${name}`, at, index] as const),
      ),
    )
    expect(names.length).toBeGreaterThanOrEqual(6)
    for (const [name, at, index] of names) {
      const [observed, expected] = await page.evaluate(
        ([at, index]) => bindings.bindingAcceptance(bindings.rigs[at]!)[index]!.run(),
        [at, index] as const,
      )
      expect.soft(observed, name).toEqual(expected)
    }
  })

  for (const when of ['at once', 'late']) {
    test(`a page that a server rendered is hydrated without a warning: ${framework}, ${when} (checklist 34: right on a server)`, async ({
      device,
      pagesOf,
    }) => {
      const { page } = await device()
      const complaints = complaintsOf(page)
      await page.goto(`${(await pagesOf(framework)).url}/hydrate`)
      await page.evaluate(async (isLate) => {
        // Late: the identity is known before the framework looks at the page for the first time.
        if (isLate) await bindings.auth.ready
        for (const rig of bindings.rigs.slice(-1)) rig.hydrate(document.querySelector('#root')!, bindings.PARTS)
      }, when === 'late')
      await expect(page.getByTestId('principal')).toHaveText(/^[0-9a-f-]{36}$/)
      await expect(page.getByTestId('phase')).toHaveText('ready')
      await expect(page.getByTestId('summary')).toHaveText('local-first, evictable')
      await expect(page.getByTestId('upgrade')).toHaveText('ready null')
      await expect(page.getByTestId('devices')).toHaveText('none 0')
      await expect(page.getByTestId('backups')).toHaveText('ready back-up')
      await expect(page.getByTestId('field')).toHaveText('local-first')
      // Taken over, not thrown away and made anew.
      expect(await page.evaluate(() => Object.hasOwn(document.querySelector('main')!, 'isFromServer'))).toBe(true)
      // Some frameworks repair what differs without a warning.
      expect(await page.evaluate(() => bindings.firstShown)).toEqual({
        phase: 'starting',
        principal: 'nobody yet',
        summary: 'anonymous, ephemeral',
        upgrade: 'starting null',
        devices: 'starting 0',
        backups: 'starting none',
        field: 'anonymous',
      })
      expect(complaints).toEqual([])
    })
  }
}
