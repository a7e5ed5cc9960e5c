import type { Page } from '@playwright/test'
import { expect } from 'latchkey/playwright'
import axe from 'axe-core'

/** Expects that axe-core finds nothing in the page as it is now. */
export async function expectAccessible(page: Page): Promise<void> {
  // As an evaluated script: the page's policy allows no other one.
  await page.evaluate(axe.source)
  const found = await page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run()
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`)
  })
  expect(found).toEqual([])
}
