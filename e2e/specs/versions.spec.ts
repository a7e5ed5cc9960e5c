import type { Page } from '@playwright/test'
import type * as latchkey from 'latchkey'
import { createTokenVerifier } from 'latchkey/server'
import { expect, test } from '../support/servers.ts'

type Version = 'first' | 'second' | 'newer'

declare global {
  /** The copies of the library in the page. */
  var versions: Record<Version, typeof latchkey>
  /** What the developer tools were told: the `name` of each instance, and its events. */
  var registered: { readonly name: string; readonly events: string[] }[]
}

/** Loads all copies into one page, with developer tools that were there before. */
async function load(page: Page, url: string): Promise<void> {
  await page.goto(url)
  await page.evaluate(async () => {
    globalThis.registered = []
    const hook = {
      register({ name }: { name: string }) {
        const instance = { name, events: [] as string[] }
        registered.push(instance)
        return ({ event }: { event: string }) => instance.events.push(event)
      },
    }
    Object.assign(globalThis, { [Symbol.for('latchkey.devtools')]: hook })
    const names = ['first', 'second', 'newer']
    const loaded = await Promise.all(names.map(async (name) => [name, await import(`/${name}/library.js`)]))
    globalThis.versions = Object.fromEntries(loaded) as typeof versions
  })
}

/** The stored record, with nothing of the library in between. */
function readRecord(page: Page, name = 'latchkey'): Promise<Record<string, unknown>> {
  return page.evaluate(
    (app) =>
      new Promise((resolve, reject) => {
        const opening = indexedDB.open(`latchkey:${app}`)
        opening.onerror = () => reject(opening.error)
        opening.onsuccess = () => {
          const reading = opening.result.transaction('keyring').objectStore('keyring').get('record')
          reading.onsuccess = () => {
            opening.result.close()
            resolve(reading.result)
          }
        }
      }),
    name,
  )
}

test("two versions in one page make one identity, each with tokens for it, and know each other's errors", async ({
  device,
  versionPages,
}) => {
  const { page } = await device()
  await load(page, versionPages.url)
  const seen = await page.evaluate(async () => {
    const { first, second } = versions
    const opened = [first, second].map(({ createAuth }) => createAuth())
    await Promise.all(opened.map((auth) => auth.ready))
    const [mine, theirs] = await Promise.all(
      opened.map((auth) => auth.ensureIdentity({ resume: 'nobody' }).catch((error: unknown) => error)),
    )
    return {
      identities: await Promise.all(
        opened.map(async (auth) => ({ principal: auth.getState().session!.principal, token: await auth.getToken() })),
      ),
      sameClass: mine instanceof second.LatchkeyError || theirs instanceof first.LatchkeyError,
      recognised: [
        second.isLatchkeyError(mine, 'IDENTITY_UNKNOWN'),
        first.isLatchkeyError(theirs, 'IDENTITY_UNKNOWN'),
        first.isLatchkeyError(theirs, 'OFFLINE'),
      ],
      registered: registered.map(({ name, events }) => [name, events.includes('opened')]),
    }
  })
  const [first, second] = seen.identities
  expect(second!.principal).toBe(first!.principal)
  for (const { token, principal } of seen.identities)
    await expect(createTokenVerifier({ audience: versionPages.url }).verify(token!)).resolves.toMatchObject({
      principal,
    })
  expect(seen.sameClass).toBe(false)
  expect(seen.recognised).toEqual([true, true, false])
  expect(seen.registered).toEqual([
    ['latchkey', true],
    ['latchkey', true],
  ])
})

for (const [actor, other] of [
  ['first', 'second'],
  ['second', 'first'],
] as const) {
  test(`what one version does the other sees, and nothing that only one knows is lost: ${actor}`, async ({
    device,
    versionPages,
  }) => {
    const { page } = await device()
    await load(page, versionPages.url)
    const seen = await page.evaluate(
      async ([doing, watching]) => {
        // The later version makes the record.
        const second = versions.second.createAuth()
        await second.ready
        const first = versions.first.createAuth()
        await first.ready
        const opened = { first, second }
        const [active, passive] = [opened[doing], opened[watching]]
        const until = (mode: string): Promise<void> =>
          new Promise((resolve) => {
            const check = (): void => void (passive.getState().authMode === mode && resolve(stop()))
            const stop = passive.subscribe(check)
            check()
          })
        const before = passive.getState().session!.principal
        await active.signOut()
        await until('anonymous')
        const token = await passive.getToken()
        const { principal } = await active.ensureIdentity()
        await until('local-first')
        return { before, token, made: principal, taken: passive.getState().session!.principal }
      },
      [actor, other] as const,
    )
    expect(seen).toMatchObject({ token: null, taken: seen.made })
    expect(seen.made).not.toBe(seen.before)
    expect(await readRecord(page)).toMatchObject({ v: 1, later: 'kept', current: `device:${seen.made}` })
  })
}

test('two versions take turns with the account server', async ({ device, versionPages }) => {
  const { page } = await device()
  await load(page, versionPages.url)
  const seen = await page.evaluate(async () => {
    const principals = new Set<string>()
    let [going, most] = [0, 0]
    let owner = ''
    const account = {
      audience: 'https://auth.example/api/auth',
      getSession: async () => (owner ? { accountId: 'ada', principal: owner, aliases: [], recoverable: false } : null),
      getToken: async () => null,
      async withProof(_mint: unknown, run: () => unknown) {
        most = Math.max(most, ++going)
        const result = (await run()) as never
        going--
        return { result, sent: true }
      },
      readFailure: () => null,
      signOut: async () => {},
    }
    const opened = [versions.first, versions.second].map(({ createAuth }) => createAuth({ account }))
    await Promise.all(opened.map((auth) => auth.ready))
    const outcomes = await Promise.all(
      opened.map(async (auth) => {
        const { principal } = auth.getState().session!
        principals.add(principal)
        // Long enough for the other one to come in between, if it may.
        const { outcome } = await auth.upgrade(
          () => new Promise((resolve) => requestAnimationFrame(() => resolve((owner = principal)))),
        )
        return outcome
      }),
    )
    const modes = await Promise.all(opened.map(async (auth) => (await auth.listIdentities(), auth.getState().authMode)))
    return { principals: principals.size, most, outcomes, modes }
  })
  expect(seen).toMatchObject({ principals: 1, most: 1, modes: ['external', 'external'] })
  // The second one signs in once more, or is told that the other one changed the identity meanwhile.
  expect(['upgraded,upgraded', 'upgraded,failed', 'failed,upgraded']).toContain(String(seen.outcomes))
})

test('two names on one origin never see each other, whatever the version', async ({ device, versionPages }) => {
  const { page } = await device()
  await load(page, versionPages.url)
  const open = () =>
    page.evaluate(async () => {
      const notes = versions.first.createAuth({ name: 'notes' })
      const drawings = versions.second.createAuth({ name: 'drawings' })
      await Promise.all([notes.ready, drawings.ready])
      return { notes: notes.getState().session?.principal, drawings: drawings.getState().session?.principal }
    })
  const before = await open()
  expect(before.drawings).not.toBe(before.notes)

  const [, drawings] = await page.evaluate(async () => {
    // A second copy of the same name is the witness: what it hears, the other name could have heard.
    const [actor, witness] = [versions.second, versions.first].map(({ createAuth }) => createAuth({ name: 'notes' }))
    const drawings = versions.second.createAuth({ name: 'drawings' })
    await Promise.all([actor!.ready, witness!.ready, drawings.ready])
    await new Promise<void>((resolve) => {
      witness!.subscribe(() => void (witness!.getState().authMode === 'anonymous' && resolve()))
      void actor!.signOut({ forget: true })
    })
    return [witness!.getState().session, drawings.getState().session?.principal]
  })
  expect(drawings).toBe(before.drawings)
  await load(page, versionPages.url)
  expect(await open()).toEqual({ notes: undefined, drawings: before.drawings })
  expect(await readRecord(page, 'notes')).toMatchObject({ entries: [] })
})

test('a record from a newer version is refused and left in place, while the newer version goes on', async ({
  device,
  versionPages,
}) => {
  const { page } = await device()
  await load(page, versionPages.url)
  const principal = await page.evaluate(async () => {
    const auth = versions.newer.createAuth()
    await auth.ready
    return auth.getState().session!.principal
  })
  const before = await readRecord(page)
  expect(before).toMatchObject({ v: 2 })

  const older = await page.evaluate(async () => {
    const auth = versions.first.createAuth()
    await auth.ready
    const codeOf = (error: { code: string }): string => error.code
    return {
      state: auth.getState(),
      refusals: await Promise.all([
        auth.getToken().catch(codeOf),
        auth.ensureIdentity().catch(codeOf),
        auth.signOut().catch(codeOf),
      ]),
    }
  })
  expect(older.state).toMatchObject({ authMode: 'anonymous', session: null, storage: { problem: 'KEYSTORE_NEWER' } })
  expect(older.refusals).toEqual(['KEYSTORE_NEWER', 'KEYSTORE_NEWER', 'KEYSTORE_NEWER'])
  expect(await readRecord(page)).toEqual(before)

  await load(page, versionPages.url)
  const again = await page.evaluate(async () => {
    const auth = versions.newer.createAuth()
    await auth.ready
    return { principal: auth.getState().session!.principal, token: await auth.getToken() }
  })
  expect(again.principal).toBe(principal)
  await expect(createTokenVerifier({ audience: versionPages.url }).verify(again.token!)).resolves.toMatchObject({
    principal,
  })
})

test('a page that is open while a newer version takes the record over keeps its identity and changes nothing', async ({
  device,
  versionPages,
}) => {
  const { page } = await device()
  await load(page, versionPages.url)
  const seen = await page.evaluate(async () => {
    const auth = versions.first.createAuth()
    await auth.ready
    const { principal } = auth.getState().session!
    // What a newer version would do at its start: the same identities in a record of its own.
    const store = versions.newer.indexedDbStore('latchkey')
    await store.update((found) => ({ ...(found as object), v: 2 }))
    new BroadcastChannel('latchkey:latchkey').postMessage('changed')
    const codeOf = (error: { code: string }): string => error.code
    const refusals = [await auth.signOut().catch(codeOf), await auth.markWritten().then(() => null, codeOf)]
    return { principal, after: auth.getState(), token: await auth.getToken(), refusals }
  })
  expect(seen.refusals).toEqual(['KEYSTORE_NEWER', 'KEYSTORE_NEWER'])
  expect(seen.after).toMatchObject({ authMode: 'local-first', phase: 'ready', session: { principal: seen.principal } })
  await expect(createTokenVerifier({ audience: versionPages.url }).verify(seen.token!)).resolves.toMatchObject({
    principal: seen.principal,
  })
  expect(await readRecord(page)).toMatchObject({ v: 2, current: `device:${seen.principal}` })
})
