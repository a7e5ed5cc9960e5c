import { type ServerResponse, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAuthClient } from 'better-auth/client'
import { betterAuthAccount, latchkeyClient } from 'latchkey/better-auth/client'
import { testDevice } from 'latchkey/testing'
import { enter, expect, payloadOf, someEmail, start, test, tokenOf } from '../support/account.ts'

// What apps get from `latchkey/playwright`, on a real account server.

const PASSWORD = 'correct horse battery'
const SIGN_UP = '**/api/auth/sign-up/email'

test('a device is signed in before the app starts, and the account has its principal', async ({ device, server }) => {
  const ada = { email: someEmail(), password: PASSWORD }
  const phone = await device({ baseURL: server.url, account: ada })
  await start(phone.page, server.url)
  await expect(phone).toBeInMode('external')
  const principal = (await phone.principal())!
  expect(await server.rows('select principal from "user" where email = ?', ada.email)).toEqual([{ principal }])
  expect(payloadOf(await tokenOf(phone.page, true))).toMatchObject({ sub: principal, email: ada.email })

  const laptop = await device({ baseURL: server.url, account: ada })
  await start(laptop.page, server.url)
  await expect(laptop).toBeInMode('external')
  await expect(laptop).toHavePrincipal(principal)
})

test('a device has a given identity, and the account keeps it, by steps of its own', async ({ device, server }) => {
  const { secret, principal } = await testDevice()
  const phone = await device({
    baseURL: server.url,
    secret,
    account({ fetch, origin }) {
      const client = createAuthClient({
        baseURL: origin,
        fetchOptions: { customFetchImpl: fetch },
        plugins: [latchkeyClient()],
      })
      const run = () => client.signUp.email({ email: someEmail(), password: PASSWORD, name: 'Ada' })
      return { account: betterAuthAccount(client), run }
    },
  })
  await start(phone.page, server.url)
  await expect(phone).toHaveState({ authMode: 'external', phase: 'ready', session: { principal } })
})

test('a saved state has the identity', async ({ device, server }) => {
  const phone = await device()
  await start(phone.page, server.url)
  const storageState = await phone.context.storageState({ indexedDB: true })
  const same = await device({ storageState })
  await start(same.page, server.url)
  await expect(same).toHavePrincipal(await phone.principal())
})

test('an app starts with a conflict, which can be resolved', async ({ device, server }) => {
  const email = someEmail()
  const phone = await device({ baseURL: server.url, conflictWith: { email, password: PASSWORD } })
  await start(phone.page, server.url)
  const principal = (await phone.principal())!
  const [user] = await server.rows<{ principal: string }>('select principal from "user" where email = ?', email)
  await phone.waitForState({
    authMode: 'local-first',
    phase: 'conflict',
    session: { principal },
    upgrade: { conflict: { principal, isTaken: false, account: { principal: user!.principal } } },
  })
  expect(await phone.page.evaluate(async () => (await account.auth.resolveConflict('adopt')).outcome)).toBe('adopted')
  await expect(phone).toHaveState({ session: { principals: [user!.principal, principal] }, upgrade: undefined })
})

test('a refused preparation says what the account server answered', async ({ device, server }) => {
  const account = { email: someEmail(), password: 'short' }
  const refused = device({ baseURL: server.url, account })
  await expect(refused).rejects.toMatchObject({
    code: 'TEST_SETUP_REFUSED',
    message: expect.stringMatching(/PROVIDER_REFUSED/),
  })
})

test('evicted: only the identity, or everything', async ({ device, server }) => {
  const phone = await device({ baseURL: server.url })
  await start(phone.page, server.url)
  const before = (await phone.principal())!
  // As before the later chunk, which leaves the marker that there was a record.
  await expect.poll(() => phone.page.evaluate(() => localStorage.getItem('latchkey:latchkey'))).toBe('')
  await phone.page.evaluate(() => localStorage.clear())
  await phone.evict()
  await start(phone.page, server.url)
  await expect(phone).toHaveState({ session: null, storage: { problem: 'KEYSTORE_VANISHED' } })
  await phone.page.evaluate(() => account.auth.ensureIdentity())
  await phone.evict({ what: 'site-data' })
  // As the later chunk does in a page that has just opened.
  await phone.page.evaluate(() => localStorage.setItem('latchkey:latchkey', ''))
  await start(phone.page, server.url)
  await expect(phone).toHaveState({ authMode: 'local-first', storage: { problem: undefined } })
  await expect(phone).not.toHavePrincipal(before)
})

test('a lost answer: the server has acted, and the device has no cookie of it', async ({ device, server }) => {
  const phone = await device({ baseURL: server.url })
  await start(phone.page, server.url)
  const principal = (await phone.principal())!
  const email = someEmail()
  const lost = await phone.loseAnswer(SIGN_UP)
  expect(await enter(phone.page, 'signUp', email)).toBe('OFFLINE')
  expect(await lost.status).toBe(200)
  expect(await phone.context.cookies()).toEqual([])
  expect(await server.rows('select principal from "user" where email = ?', email)).toEqual([{ principal }])
  // Only that one answer: the next request is answered.
  expect(await enter(phone.page, 'signUp', email)).toBe('PROVIDER_REFUSED')
  expect(await enter(phone.page, 'signIn', email)).toBe('upgraded')
  await expect(phone).toHavePrincipal(principal)
})

test('a lost answer takes back its own cookies only, not those that changed meanwhile', async ({ device }) => {
  const late: ServerResponse[] = []
  const own = createServer((request, response) => {
    if (request.url === '/late') late.push(response)
    else response.setHeader('content-type', 'text/html').end('<title></title>')
  }).listen(0)
  const phone = await device()
  await phone.page.goto(`http://localhost:${(own.address() as AddressInfo).port}/`)
  const put = (cookie: string): Promise<unknown> => phone.page.evaluate((text) => (document.cookie = text), cookie)
  await put('session=before')
  const lost = await phone.loseAnswer('**/late')
  await phone.page.evaluate(() => void fetch('/late').catch(() => {}))
  await expect.poll(() => late.length).toBe(1)
  await put('theme=dark')
  late[0]!.writeHead(200, { 'set-cookie': ['session=after; Path=/', 'fresh=1; Path=/'] }).end()
  expect(await lost.status).toBe(200)
  const cookies = await phone.context.cookies()
  expect(cookies.map(({ name, value }) => `${name}=${value}`).toSorted()).toEqual(['session=before', 'theme=dark'])
  own.close()
})

test('a held answer arrives when it is released', async ({ device, server }) => {
  const phone = await device({ baseURL: server.url })
  await start(phone.page, server.url)
  const arrived: string[] = []
  phone.page.on('response', (response) => arrived.push(new URL(response.url()).pathname))
  const held = await phone.holdAnswer(SIGN_UP, { method: 'post' })
  const outcome = enter(phone.page, 'signUp', someEmail())
  expect(await held.status).toBe(200)
  expect(await phone.context.cookies()).toEqual([])
  await phone.page.evaluate(async () => (await fetch('/framed')).text())
  expect(arrived).toContain('/framed')
  expect(arrived).not.toContain('/api/auth/sign-up/email')
  await expect(phone).toHaveState({ authMode: 'local-first', phase: 'upgrading' })
  held.release()
  expect(await outcome).toBe('upgraded')
})

test('offline, no request reaches the server, also one whose answer is held or lost', async ({ device, server }) => {
  // A path that also has the clock of workers, which is another route.
  const phone = await device({ baseURL: server.url, workers: ['**/framed'] })
  await start(phone.page, server.url)
  const principal = (await phone.principal())!
  const [held, lost] = [await phone.holdAnswer('**/framed'), await phone.loseAnswer(SIGN_UP)]
  const ask = (): Promise<number> =>
    phone.page.evaluate(() =>
      fetch('/framed').then(
        ({ status }) => status,
        () => 0,
      ),
    )
  await phone.goOffline()
  expect(await ask()).toBe(0)
  const email = someEmail()
  expect(await enter(phone.page, 'signUp', email)).toBe('OFFLINE')
  expect(await server.rows('select principal from "user" where email = ?', email)).toEqual([])
  await phone.goOnline()
  // Both still wait for their request. An answer that arrives offline is none.
  const answer = ask()
  expect(await held.status).toBe(200)
  await phone.goOffline()
  held.release()
  expect(await answer).toBe(0)
  await phone.goOnline()
  expect(await ask()).toBe(200)
  expect(await enter(phone.page, 'signUp', email)).toBe('OFFLINE')
  expect(await lost.status).toBe(200)
  expect(await server.rows('select principal from "user" where email = ?', email)).toEqual([{ principal }])
})

test('what a device stores is searched, wherever it is', async ({ device, server }) => {
  const phone = await device({ baseURL: server.url })
  await start(phone.page, server.url)
  const principal = (await phone.principal())!
  const secret = await phone.page.evaluate(async () => {
    sessionStorage.setItem('draft', 'of Ada')
    document.cookie = 'theme=dark'
    return account.auth.exportSecret()
  })
  await expect(phone).not.toHoldNothingOf(principal)
  const places = (await phone.stored()).filter(({ text }) => text.includes(secret)).map(({ place }) => place)
  expect(places).toEqual(['IndexedDB: latchkey:latchkey, keyring'])
  for (const text of ['of Ada', 'dark']) await expect(phone).not.toHoldNothingOf(text)
  await phone.page.evaluate(() => account.auth.signOut({ forget: true }))
  await expect(phone).toHoldNothingOf(principal, secret)
})

test('what a device stores is found in every form and place', async ({ device, server }) => {
  const phone = await device({ baseURL: server.url })
  await phone.page.goto(server.url)
  const note = 'Ada said "no",\nand left'
  const places: Readonly<Record<string, () => unknown>> = {
    [`Cache: pages, ${server.url}/notes`]: async () => {
      const request = new Request('/notes', { headers: { 'x-owner': 'frank@example.com' } })
      const response = new Response('', { headers: { 'x-user': 'heidi@example.com' } })
      await (await caches.open('pages')).put(request, response)
    },
    'IndexedDB: notes-of-grace, notes': () =>
      new Promise((resolve, reject) => {
        const request = indexedDB.open('notes-of-grace')
        request.onupgradeneeded = () => {
          const notes = request.result.createObjectStore('notes')
          const circle: { self?: unknown } = {}
          circle.self = circle
          notes.put({ text: 'Ada said "no",\nand left', at: new Date(NaN), circle }, 1)
          notes.put(new Map([[1, new Blob(['a picture of Ada'], { type: 'text/plain' })]]), 2)
        }
        request.onsuccess = () => resolve(request.result.close())
        request.onerror = reject
      }),
    'cookie: last_ada@example.com': () => {
      document.cookie = 'last_ada@example.com=bob%40example.com; path=/api/auth'
    },
    'localStorage: token': () =>
      localStorage.setItem('token', `e30.${btoa(JSON.stringify({ sub: 'carol@example.com' }))}.c2lnbmF0dXJl`),
    'file: drafts/dora.txt': async () => {
      const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('drafts', { create: true })
      const file = await (await folder.getFileHandle('dora.txt', { create: true })).createWritable()
      await file.write('a draft of Eve')
      await file.close()
    },
  }
  const addresses = ['ada', 'bob', 'carol', 'frank', 'heidi'].map((name) => `${name}@example.com`)
  const texts = ['grace', note, 'a picture of Ada', ...addresses]
  await expect(phone).toHoldNothingOf(...texts, 'dora', 'a draft of Eve')
  for (const write of Object.values(places)) await phone.page.evaluate(write)
  expect((await phone.stored()).map(({ place }) => place)).toEqual(expect.arrayContaining(Object.keys(places)))
  for (const text of [...texts, 'dora', 'a draft of Eve']) await expect(phone, text).not.toHoldNothingOf(text)
  await phone.evict({ what: 'site-data' })
  await phone.context.clearCookies()
  await expect(phone).toHoldNothingOf(...texts, 'dora', 'a draft of Eve')
})

test('a page that is left while its storage is read is asked again', async ({ device, server }) => {
  const phone = await device({ baseURL: server.url })
  await phone.page.goto(server.url)
  await phone.page.evaluate(() => {
    localStorage.setItem('owner', 'dora')
    IDBFactory.prototype.databases = () => {
      location.reload()
      return new Promise(() => {})
    }
  })
  await expect(phone).not.toHoldNothingOf('dora')
})

test('what does not come is said, with what is there instead', async ({ device, server }) => {
  const phone = await device({ baseURL: server.url, timeout: 100 })
  await start(phone.page, server.url, { name: 'notes' })
  await expect(phone.state()).rejects.toMatchObject({
    code: 'TEST_APP_MISSING',
    message: expect.stringMatching(/no createAuth with the name 'latchkey' .*: the page has 'notes'/),
  })
  await expect(phone.waitForState({ authMode: 'external' }, { name: 'notes' })).rejects.toMatchObject({
    code: 'TEST_STATE_MISSED',
    message: expect.stringMatching(/expected \{"authMode":"external"\} .*found \{"authMode":"local-first"/),
  })
  const failed = expect(phone).toBeInMode('external', { name: 'notes', timeout: 100 })
  await expect(failed).rejects.toThrow(/Expected: "external"\nReceived: \{"authMode":"local-first"/)
})

test('a start that has not ended answers nothing', async ({ device, server }) => {
  const phone = await device()
  await phone.context.addInitScript(() => {
    const { open } = IDBFactory.prototype
    IDBFactory.prototype.open = function (...given) {
      IDBFactory.prototype.open = open
      const request = open.apply(this, given)
      const opened = new Promise((resolve) =>
        request.addEventListener('success', function hold(event) {
          request.removeEventListener('success', hold)
          event.stopImmediatePropagation()
          resolve(undefined)
        }),
      )
      const release = (): Promise<boolean> => opened.then(() => request.dispatchEvent(new Event('success')))
      return (Object.assign(globalThis, { release }), request)
    }
  })
  // The store must not give up meanwhile.
  await phone.context.clock.pauseAt(Date.now() + 60_000)
  await phone.page.goto(server.url)
  await phone.page.evaluate(() => void account.open())
  await expect(phone).toHaveState({ phase: 'starting', session: null })
  expect(await phone.waitForState({ phase: 'starting' })).toMatchObject({ authMode: 'anonymous' })

  const principal = phone.principal()
  const early = { timeout: 100 }
  for (const asked of [
    phone.state(early),
    phone.waitForState({ authMode: 'anonymous' }, early),
    expect(phone).toBeInMode('anonymous', early),
    expect(phone).toHavePrincipal(null, early),
    expect(phone).not.toHaveState({ authMode: 'external' }, early),
  ])
    await expect(asked).rejects.toMatchObject({ code: 'TEST_STATE_MISSED' })
  await phone.context.clock.resume()
  await phone.page.evaluate('release()')
  expect(await principal).toMatch(/^[0-9a-f-]{36}$/)
  await expect(phone).toBeInMode('local-first')
  await expect(phone).not.toHaveState({ phase: 'starting' })
})

test('a killed browser has what it stored when it starts again', async ({ device, server }) => {
  const phone = await device({ baseURL: server.url, ownBrowser: true })
  await start(phone.page, '/')
  const principal = (await phone.principal())!
  expect(await enter(phone.page, 'signUp', someEmail())).toBe('upgraded')
  const { context } = phone
  await phone.kill()
  await phone.restart()
  expect(phone.context).not.toBe(context)
  await start(phone.page, '/')
  await expect(phone).toHavePrincipal(principal)

  const shared = await device({ baseURL: server.url })
  await expect(shared.kill()).rejects.toMatchObject({ code: 'TEST_BROWSER_UNSUPPORTED' })
})
