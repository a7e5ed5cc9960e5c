import { HocuspocusProvider } from '@hocuspocus/provider'
import { afterEach, expect, test, vi } from 'vitest'
import * as Y from 'yjs'
import { createBetterAuthResolver } from '../better-auth/index.ts'
import { post } from '../better-auth/testing/requests.testing.ts'
import { type TestServer, person, testServer } from '../better-auth/testing/server.testing.ts'
import { type TestHocuspocus, settle, startHocuspocus, textOf, until } from './hocuspocus.testing.ts'
import { connectHocuspocus } from './index.ts'

const ada = person('ada')
const opened: (() => unknown)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close()
  vi.restoreAllMocks()
})

async function device(server: TestServer, hocuspocus: TestHocuspocus) {
  const browser = server.browser()
  const auth = await browser.load({ harden: 'never' })
  const document = new Y.Doc()
  const session = connectHocuspocus(auth, {
    document,
    name: 'notes',
    owner: 'memory',
    provider: (input) => new HocuspocusProvider({ url: hocuspocus.url, ...input }),
  })
  opened.push(auth.close, () => session.end())
  await settle({ session }, 'connected')
  return {
    browser,
    auth,
    session,
    principal: () => auth.getState().session!.principal,
    write: (text: string) => void document.getText('notes').insert(0, text),
    text: () => textOf(document),
  }
}

// Better Auth signs the tokens, and answers whether a device key or a session still counts.
test('two devices of an account, and a third that is adopted, have all text; the first knows the alias with its next token', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const server = await testServer()
  const hocuspocus = await startHocuspocus(createBetterAuthResolver(server.auth))
  opened.push(hocuspocus.close)
  const [one, two, three] = [
    await device(server, hocuspocus),
    await device(server, hocuspocus),
    await device(server, hocuspocus),
  ]
  const alias = two.principal()
  one.write('of the account. ')
  await one.auth.upgrade(() => one.browser.client.signUp.email(ada))
  await three.auth.upgrade(() => three.browser.client.signIn.email(ada))
  two.write('of the alias. ')
  expect(await two.auth.upgrade(() => two.browser.client.signIn.email(ada))).toMatchObject({ outcome: 'conflict' })
  expect(await two.auth.resolveConflict('adopt')).toMatchObject({ outcome: 'adopted' })
  await until(() => {
    for (const { text } of [one, two]) {
      expect(text()).toContain('of the account. ')
      expect(text()).toContain('of the alias. ')
    }
  })
  // Another principal came to it without beforeRestart: its own document stays where it was.
  expect(three.session.getState().status).toBe('ended')
  expect(one.auth.getState().session?.principals).toEqual([one.principal()])
  await one.session.update(await one.auth.getToken({ fresh: true }))
  expect(one.auth.getState().session?.principals).toEqual([one.principal(), alias])
  expect(hocuspocus.writers.at(-1)).toMatchObject({ authMode: 'external', principal: one.principal() })
})

test('a session that is ended at the account server gets into no document, and the device says so', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const server = await testServer()
  const hocuspocus = await startHocuspocus(createBetterAuthResolver(server.auth))
  opened.push(hocuspocus.close)
  const one = await device(server, hocuspocus)
  await one.auth.upgrade(() => one.browser.client.signUp.email(ada))
  await until(() => {
    one.write('.')
    expect(hocuspocus.writers.at(-1)).toMatchObject({ authMode: 'external' })
  })
  expect((await one.browser.send('/sign-out', post({}))).status).toBe(200)
  hocuspocus.closeDocuments('restart')
  one.write('after the end')
  await until(() => expect(one.session.getState().status).toBe('paused'))
  expect(one.auth.getState().error).toBeDefined()
  expect(hocuspocus.text(`notes:${one.principal()}`)).not.toContain('after the end')
})
