import { HocuspocusProvider } from '@hocuspocus/provider'
import { decodeJwt } from 'jose'
import { afterEach, describe, expect, test, vi } from 'vitest'
import * as Y from 'yjs'
import type { Auth } from '../../lib/index.ts'
import type { ConnectedSession } from '../../lib/session.ts'
import { connectTriplit } from '../triplit/index.ts'
import { checkExternalJwtSecret, readExternalJwtSecret } from '../triplit/server.ts'
import { settle, startTriplit, testClient, until } from '../triplit/triplit.testing.ts'
// After Triplit's client, which wraps the global WebSocket: that of `ws` cannot be wrapped.
import { startHocuspocus, textOf } from '../hocuspocus/hocuspocus.testing.ts'
import { connectHocuspocus } from '../hocuspocus/index.ts'
import { type ClerkAppBrowser, type ClerkServer, IPHONE, SERVER, SYNC, clerkApp } from './clerk-app.testing.ts'

const opened: (() => unknown)[] = []
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close()
  vi.restoreAllMocks()
})

/** The sync server of an engine. */
interface Backend {
  /** False: connections break, and no new one is made. */
  online: boolean
  /** What has arrived under these owners, in the order of the text. */
  texts(...owners: string[]): Promise<string[]>
  close(): Promise<unknown>
}

/** The notes of one device. */
interface Notes {
  readonly session: ConnectedSession
  write(text: string): unknown
  /** Everything that the device has stored, whoever owns it, in the order of the text. */
  stored(): Promise<string[]>
}

interface Engine<Server extends Backend> {
  start(server: ClerkServer): Promise<Server>
  open(auth: Auth, backend: Server): Promise<Notes>
}

const triplit: Engine<Backend & { readonly url: string }> = {
  async start(server) {
    const jwks = await (await server.handle(new Request(`${SERVER}/jwks`))).text()
    const started = await startTriplit(checkExternalJwtSecret(readExternalJwtSecret(jwks).repair!))
    return Object.assign(started, {
      texts: async (...owners: string[]) =>
        (await started.rows()).filter(({ owner }) => owners.includes(owner)).map(({ text }) => text),
    })
  },
  async open(auth, { url }) {
    const client = testClient(url)
    const beforeRestart = (_: unknown, session: ConnectedSession): Promise<void> => session.clear()
    const session = connectTriplit(auth, client, { audience: SYNC, beforeRestart })
    await session.ready
    client.subscribeBackground({ collectionName: 'notes' })
    return {
      session,
      write: (text) => client.insert('notes', { text, owner: auth.getState().session!.principal }),
      stored: async () =>
        (await client.fetch({ collectionName: 'notes' }, { policy: 'local-only' })).map(({ text }) => text).sort(),
    }
  },
}

const linesOf = (text: string | null): string[] => (text ?? '').split('\n').filter(Boolean).sort()

const hocuspocus: Engine<Backend & { readonly url: string }> = {
  async start(server) {
    const started = await startHocuspocus(server.sync)
    return Object.assign(started, {
      texts: async (...owners: string[]) => owners.flatMap((owner) => linesOf(started.text(`notes:${owner}`))).sort(),
    })
  },
  async open(auth, { url }) {
    let document = new Y.Doc()
    const session = connectHocuspocus<Y.Doc>(auth, {
      document: () => document,
      name: 'notes',
      owner: 'memory',
      clear: () => void (document = new Y.Doc()),
      beforeRestart: (_, connected) => connected.clear(),
      provider: (input) => new HocuspocusProvider({ url, ...input }),
      audience: SYNC,
    })
    await session.ready
    return {
      session,
      write: (text) => document.getText('notes').insert(0, `${text}\n`),
      stored: async () => linesOf(textOf(document)),
    }
  },
}

/** The claims that Triplit asks for; Hocuspocus ignores them. */
const claims = ({ principal }: { readonly principal: string }): Record<string, unknown> => ({
  'x-triplit-token-type': 'external',
  'x-triplit-project-id': 'notes',
  'x-triplit-user-id': principal,
})

describe.each(Object.entries({ Triplit: triplit, Hocuspocus: hocuspocus }))('%s', (_, engine) => {
  test('the whole route with Clerk: offline, sign-up, a second device with data, adopt, sign-out, next user', async () => {
    // Triplit's client prints that it is offline.
    vi.spyOn(console, 'error').mockImplementation(() => {})
    const app = await clerkApp(Date.now, { algorithm: 'RS256', claims })
    opened.push(app.close)
    let server = await app.startServer()
    const backend = await engine.start(server)
    opened.push(() => backend.close())
    const device = async (browser: ClerkAppBrowser) => {
      const auth = await browser.load()
      opened.push(auth.close)
      const notes = await engine.open(auth, backend)
      opened.push(() => notes.session.end())
      return { ...notes, auth, browser, principal: () => auth.getState().session!.principal }
    }
    const arrived = (texts: string[], ...owners: string[]): Promise<unknown> =>
      until(async () => expect(await backend.texts(...owners)).toEqual(texts))
    const sees = ({ stored }: Notes, texts: string[]): Promise<unknown> =>
      until(async () => expect(await stored()).toEqual(texts))

    // Local-first and offline: it writes, and syncs later.
    backend.online = false
    const phone = await device(app.startBrowser(() => server, IPHONE))
    const account = phone.principal()
    await phone.write('1 offline')
    expect(await phone.stored()).toEqual(['1 offline'])
    backend.online = true
    await arrived(['1 offline'], account)

    // The sign-up at Clerk while a write waits: the same principal, nothing lost.
    backend.online = false
    await phone.write('2 queued at the sign-up')
    expect(await phone.auth.upgrade(() => phone.browser.sdk.signIn('user_ada'))).toMatchObject({
      outcome: 'upgraded',
      session: { principal: account, authMode: 'external' },
    })
    backend.online = true
    await arrived(['1 offline', '2 queued at the sign-up'], account)
    expect(decodeJwt((await phone.auth.getToken())!)).toMatchObject({ sub: 'user_ada' })

    // The identity server starts again, and knows the account.
    server = await app.startServer()
    const laptop = await device(app.startBrowser(() => server))
    const alias = laptop.principal()
    await laptop.write('3 of the laptop')
    await arrived(['3 of the laptop'], alias)
    backend.online = false
    await laptop.write('4 queued at the adoption')
    expect(await laptop.auth.upgrade(() => laptop.browser.sdk.signIn('user_ada'))).toMatchObject({
      outcome: 'conflict',
    })
    expect(await laptop.auth.resolveConflict('adopt')).toMatchObject({
      outcome: 'adopted',
      session: { principal: account, principals: [account, alias] },
    })
    backend.online = true
    const all = ['1 offline', '2 queued at the sign-up', '3 of the laptop', '4 queued at the adoption']
    await sees(laptop, all)
    // The first device has the alias with its next token.
    await settle(phone.session, 'connected')
    await phone.session.update(await phone.auth.getToken({ audience: SYNC, fresh: true }))
    expect(phone.auth.getState().session).toMatchObject({ principals: [account, alias] })
    await sees(phone, all)
    await phone.write('5 after the adoption')
    await sees(laptop, [...all, '5 after the adoption'])

    // A sign-out, and the next user of the laptop: neither sees the other's.
    await laptop.auth.signOut()
    expect(laptop.auth.getState()).toMatchObject({ authMode: 'anonymous', session: null })
    await until(() => expect(laptop.browser.sdk.session).toBeNull())
    await laptop.auth.ensureIdentity()
    const next = laptop.principal()
    expect([account, alias]).not.toContain(next)
    await settle(laptop.session, 'connected')
    expect(await laptop.stored()).toEqual([])
    await laptop.write('6 of the next user')
    await arrived(['6 of the next user'], next)
    expect(await laptop.auth.upgrade(() => laptop.browser.sdk.signIn('user_eve'))).toMatchObject({
      outcome: 'upgraded',
      session: { principal: next, principals: [next] },
    })
    await laptop.write('7 of their account')
    await arrived(['6 of the next user', '7 of their account'], next)
    expect(await laptop.stored()).toEqual(['6 of the next user', '7 of their account'])
    await phone.write('8 of the first user')
    await until(async () => expect(await backend.texts(account)).toContain('8 of the first user'))
    expect(await phone.stored()).toEqual([...all, '5 after the adoption', '8 of the first user'])
  })
})
