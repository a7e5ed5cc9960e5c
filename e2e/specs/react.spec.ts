import type * as latchkey from 'latchkey'
import type * as binding from 'latchkey/react'
import type * as react from 'react'
import type { flushSync } from 'react-dom'
import type { createRoot } from 'react-dom/client'
import { complaintsOf } from '../support/console.ts'
import { expect, test } from '../support/servers.ts'

interface React extends Pick<typeof react, 'StrictMode' | 'createElement'> {
  readonly createRoot: typeof createRoot
  readonly flushSync: typeof flushSync
}

declare global {
  /** In the page that has React in it. */
  var reactHarness: typeof latchkey & typeof binding & React
}

for (const when of ['at once', 'late']) {
  test(`a page that a server rendered hydrates without a warning and shows who is here: ${when}`, async ({
    device,
    reactPages,
  }) => {
    const { page } = await device()
    const complaints = complaintsOf(page)
    expect(reactPages.html).toContain('nobody yet')
    await page.goto(`${reactPages.url}/hydrate${when === 'late' ? '?late' : ''}`)
    await expect(page.getByTestId('principal')).toHaveText(/^[0-9a-f-]{36}$/)
    await expect(page.getByTestId('summary')).toHaveText('local-first, evictable')
    // Taken over, not thrown away and made anew.
    expect(await page.evaluate(() => Object.hasOwn(document.querySelector('main')!, 'isFromServer'))).toBe(true)
    expect(complaints).toEqual([])

    const principal = await page.getByTestId('principal').textContent()
    await page.reload()
    await expect(page.getByTestId('principal')).toHaveText(principal!)
    expect(complaints).toEqual([])
  })
}

test('a component renders again only when the part that it reads is another one', async ({ device, reactPages }) => {
  const { page } = await device()
  const complaints = complaintsOf(page)
  await page.goto(`${reactPages.url}/library`)
  const seen = await page.evaluate(async () => {
    const { createAuth, createElement, createRoot, flushSync, useAuth } = reactHarness
    const auth = createAuth()
    await auth.ready
    const seen = { mode: [] as string[], whole: [] as string[], made: [] as string[] }
    const Mode = () => (seen.mode.push(useAuth(auth, ({ authMode }) => authMode)), null)
    const Whole = () => (seen.whole.push(useAuth(auth).error ?? 'none'), null)
    const Made = () => (
      seen.made.push(Object.keys(useAuth(auth, ({ error }) => ({ [error ?? 'none']: true }))).join()),
      null
    )
    const root = createRoot(document.querySelector('#root')!)
    flushSync(() => root.render([Mode, Whole, Made].map((Part, key) => createElement(Part, { key }))))
    flushSync(() => auth.reportToken('expired'))
    await auth.signOut()
    flushSync(() => {})
    return seen
  })
  expect(seen.mode).toEqual(['local-first', 'anonymous'])
  expect(seen.whole.filter((error, index) => error !== seen.whole[index - 1])).toEqual(['none', 'expired', 'none'])
  expect(seen.made.filter((error, index) => error !== seen.made[index - 1])).toEqual(['none', 'expired', 'none'])
  expect(complaints).toEqual([])
})

test('a component lets go of the identity that it no longer shows', async ({ device, reactPages }) => {
  const { page } = await device()
  const complaints = complaintsOf(page)
  await page.goto(`${reactPages.url}/library`)
  const outcome = await page.evaluate(async () => {
    const { StrictMode, createAuth, createElement, createRoot, flushSync, memoryStore, useAuth } = reactHarness
    const open = async (name: string) => {
      const auth = createAuth({ name, keystore: memoryStore() })
      await auth.ready
      const listening = new Set<unknown>()
      const subscribe = (listener: (state: ReturnType<typeof auth.getState>) => void) => {
        const stop = auth.subscribe(listener)
        listening.add(listener)
        return () => (listening.delete(listener), stop())
      }
      return { ...auth, subscribe, listening }
    }
    const [first, second] = [await open('first'), await open('second')]
    const Principal = ({ auth }: { auth: typeof first }) => useAuth(auth, ({ session }) => session?.principal)
    const root = createRoot(document.querySelector('#root')!)
    const show = (auth: typeof first | null) => {
      flushSync(() => root.render(createElement(StrictMode, null, auth && createElement(Principal, { auth }))))
      return {
        shown: document.querySelector('#root')!.textContent,
        listening: [first.listening.size, second.listening.size],
      }
    }
    const principals = [first, second].map((auth) => auth.getState().session?.principal)
    return { principals, steps: [show(first), show(second), show(null)] }
  })
  const [first, second] = outcome.principals
  expect(outcome.steps).toEqual([
    { shown: first, listening: [1, 0] },
    { shown: second, listening: [0, 1] },
    { shown: '', listening: [0, 0] },
  ])
  expect(complaints).toEqual([])
})

test('a selector written in place sees what the component was last given', async ({ device, reactPages }) => {
  const { page } = await device()
  await page.goto(`${reactPages.url}/library`)
  const shown = await page.evaluate(async () => {
    const { createAuth, createElement, createRoot, flushSync, memoryStore, useAuth } = reactHarness
    const auth = createAuth({ keystore: memoryStore() })
    await auth.ready
    const Field = ({ name }: { name: 'authMode' | 'phase' }) => useAuth(auth, (state) => state[name])
    const root = createRoot(document.querySelector('#root')!)
    return (['authMode', 'phase'] as const).map((name) => {
      flushSync(() => root.render(createElement(Field, { name })))
      return document.querySelector('#root')!.textContent
    })
  })
  expect(shown).toEqual(['local-first', 'ready'])
})
