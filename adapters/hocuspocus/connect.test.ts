import { HocuspocusProvider, HocuspocusProviderWebsocket } from '@hocuspocus/provider'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import * as Y from 'yjs'
import { type TestIssuer, startIssuer } from '../../lib/server/external/issuer.testing.ts'
import { claimsOf, testIdentity, testTime } from '../../lib/session/session.testing.ts'
import { type TestDevice, type TestWorld, settle, testWorld, textOf, until } from './hocuspocus.testing.ts'
import { connectHocuspocus } from './index.ts'
import type { HocuspocusAuthOptions } from './server.ts'

// A real server and real providers, tokens that are really signed and verified; only the clock is not.

const MINUTE = 60_000
let issuer: TestIssuer
let world: TestWorld
const opened: (() => unknown)[] = []

beforeAll(async () => void (issuer = await startIssuer()))
afterAll(() => issuer.close())
// The server logs every refusal there.
beforeEach(() => void vi.spyOn(console, 'error').mockImplementation(() => {}))
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close()
  vi.restoreAllMocks()
})

async function start(options: HocuspocusAuthOptions = {}): Promise<TestWorld> {
  world = await testWorld(issuer, options)
  opened.push(world.close)
  return world
}

/** As that of Node 20, it tells of no close while it connects. */
class MuteWebSocket extends WebSocket {
  override close(): void {
    if (this.readyState === this.CONNECTING) this.removeAllListeners('close')
    super.close()
  }
}

/** Lets time pass until a condition holds: a retry is due at some moment after real work. */
function inTime(check: () => unknown): Promise<unknown> {
  return until(async () => {
    await world.time.advance(1000)
    check()
  })
}

const nameOf = (principal: string): string => `notes:${principal}`
const atServer = ({ principal }: TestDevice): string | null => world.hocuspocus.text(nameOf(principal()))

/** An account on another device, with text in its document. */
async function accountWithText(text: string): Promise<TestDevice> {
  const first = await world.device()
  await first.auth.upgrade(() => first.account.signUp('ada'))
  first.write(text)
  await until(() => expect(atServer(first)).toBe(text))
  return first
}

describe('the whole route', () => {
  test('what was written offline arrives, under the principal of the device', async () => {
    const { hocuspocus, device } = await start()
    hocuspocus.online = false
    const ada = await device()
    ada.write('offline')
    await until(() => expect(ada.session.getState().status).toBe('connecting'))
    hocuspocus.online = true
    await inTime(() => expect(atServer(ada)).toBe('offline'))
    expect(hocuspocus.writers[0]).toMatchObject({ authMode: 'local-first', principal: ada.principal() })
    expect([ada.kinds, ada.auth.getState().error]).toEqual([[], undefined])
  })

  test('an upgrade goes on in the same document over the same connection, with the new session', async () => {
    const { hocuspocus, device } = await start()
    const ada = await device()
    await settle(ada, 'connected')
    await ada.auth.upgrade(() => ada.account.signUp('ada'))
    await until(() => {
      ada.write('.')
      expect(hocuspocus.writers.at(-1)).toMatchObject({ authMode: 'external', principal: ada.principal() })
    })
    expect([hocuspocus.sockets(), ada.providers.length, ada.session.getState().status]).toEqual([1, 1, 'connected'])
  })

  test('an upgrade that brings roles opens the document anew, with the same provider and presence', async () => {
    const { accounts, device, hocuspocus } = await start()
    const ada = await device()
    await settle(ada, 'connected')
    ada.providers[0]!.awareness!.setLocalStateField('name', 'Ada')
    await ada.auth.upgrade(async () => {
      const signedUp = await ada.account.signUp('ada')
      accounts.accounts.get('ada')!.claims = { role: 'editor' }
      return signedUp
    })
    await until(() => {
      ada.write('.')
      expect(hocuspocus.writers.at(-1)?.claims).toMatchObject({ role: 'editor' })
    })
    expect([ada.providers.length, ada.providers[0]!.awareness!.getLocalState()]).toEqual([1, { name: 'Ada' }])
  })

  test('an adopted device brings its text into the document of the account, and both devices see both', async () => {
    await start()
    const first = await accountWithText('from the first. ')
    const second = await world.device()
    const alias = second.principal()
    second.write('from the second. ')
    await until(() => expect(atServer(second)).toBe('from the second. '))
    expect((await second.auth.upgrade(() => second.account.signIn('ada'))).outcome).toBe('conflict')
    await second.auth.resolveConflict('adopt')
    expect(second.principal()).toBe(first.principal())
    for (const device of [first, second])
      await inTime(() => {
        expect(device.text()).toContain('from the first. ')
        expect(device.text()).toContain('from the second. ')
      })
    expect(second.session.getState().status).toBe('connected')
    expect(world.hocuspocus.text(nameOf(alias))).toBe('from the second. ')
    second.write('later. ')
    await until(() => expect(first.text()).toContain('later. '))
  })

  test('an adoption loads what this device did not have yet of its own document', async () => {
    await start()
    const first = await accountWithText('from the first. ')
    const second = await world.device()
    const alias = second.principal()
    second.write('from the second. ')
    await until(() => expect(atServer(second)).toBe('from the second. '))
    await second.session.end()
    await second.auth.upgrade(() => second.account.signIn('ada'))
    await second.auth.resolveConflict('adopt')
    // The same device after a reload: its stored document was empty.
    let owner: string | null = alias
    const write = (principal: string | null): void => void (owner = principal)
    const again = await world.device(
      { owner: { read: () => owner, write } },
      { auth: second.auth, account: second.account },
    )
    await inTime(() => expect(first.text()).toContain('from the second. '))
    expect(again.text()).toContain('from the first. ')
    expect(owner).toBe(first.principal())
  })

  test('an adoption that cannot load the document ends with the session, and is made later', async () => {
    let answer: Promise<unknown> = Promise.resolve()
    await start({ authorize: () => answer.then(() => 'read-write') })
    const first = await accountWithText('from the first. ')
    const second = await world.device()
    const alias = second.principal()
    second.write('from the second. ')
    await until(() => expect(atServer(second)).toBe('from the second. '))
    await second.session.end()
    await second.auth.upgrade(() => second.account.signIn('ada'))
    await second.auth.resolveConflict('adopt')
    answer = new Promise(() => {})
    let owner: string | null = alias
    const write = (principal: string | null): void => void (owner = principal)
    const again = await world.device(
      { owner: { read: () => owner, write } },
      { auth: second.auth, account: second.account },
    )
    await until(() => expect(again.providers).toHaveLength(1))
    await again.session.end()
    await until(() => expect(again.providers[0]!.isAttached).toBe(false))
    expect(owner).toBe(alias)
    answer = Promise.resolve()
    await again.session.start()
    await inTime(() => expect(first.text()).toContain('from the second. '))
    expect(owner).toBe(first.principal())
  })

  test('a sign-out closes the document at once; what is written then stays here', async () => {
    const { hocuspocus, device } = await start()
    const ada = await device()
    await settle(ada, 'connected')
    ada.write('mine')
    await until(() => expect(atServer(ada)).toBe('mine'))
    const name = nameOf(ada.principal())
    await ada.auth.signOut({ force: true })
    ada.write('not yours, ')
    await until(() => expect(hocuspocus.open()).toEqual([]))
    expect(hocuspocus.text(name)).toBe('mine')
    expect(ada.session.getState()).toEqual({ status: 'waiting', principal: null })
  })
})

describe('another user', () => {
  test('is asked about, because the document was written: no help of the app is needed', async () => {
    await start()
    await accountWithText('hers')
    const second = await world.device()
    second.write('private')
    expect((await second.auth.upgrade(() => second.account.signIn('ada'))).outcome).toBe('conflict')
  })

  test('does not get the document, and their session ends, without beforeRestart', async () => {
    await start()
    const first = await accountWithText('hers')
    const second = await world.device()
    second.write('private')
    await until(() => expect(atServer(second)).toBe('private'))
    await second.auth.upgrade(() => second.account.signIn('ada'))
    await second.auth.resolveConflict('switch')
    await settle(second, 'ended')
    expect(second.faults).toMatchObject([{ code: 'PRINCIPAL_MISMATCH' }])
    expect([first.text(), atServer(first)]).toEqual(['hers', 'hers'])
  })

  test('gets a document of their own after clear', async () => {
    await start()
    const first = await accountWithText('hers')
    const second = await world.device({ beforeRestart: (_, session) => session.clear() })
    second.write('private')
    const before = second.principal()
    await until(() => expect(atServer(second)).toBe('private'))
    await second.auth.upgrade(() => second.account.signIn('ada'))
    await second.auth.resolveConflict('switch')
    await until(() => expect(second.text()).toBe('hers'))
    second.write('also ')
    await until(() => expect(first.text()).toBe('also hers'))
    expect(world.hocuspocus.text(nameOf(before))).toBe('private')
  })

  test('gets the document that the app gives them', async () => {
    await start()
    const first = await accountWithText('hers, ')
    const second = await world.device({ beforeRestart: () => {} })
    second.write('given, ')
    await until(() => expect(atServer(second)).toBe('given, '))
    await second.auth.upgrade(() => second.account.signIn('ada'))
    await second.auth.resolveConflict('switch')
    await until(() => expect(first.text()).toContain('given, '))
    expect(second.text()).toContain('hers, ')
  })

  test('gets the other document that the app puts in the place of the first', async () => {
    await start({ authorize: () => 'read-write' })
    const [mine, theirs] = [new Y.Doc(), new Y.Doc()]
    let current = mine
    const device = await world.device({
      document: () => current,
      name: () => 'team',
      beforeRestart: () => void (current = theirs),
    })
    mine.getText('notes').insert(0, 'one')
    await until(() => expect(world.hocuspocus.text('team')).toBe('one'))
    await device.auth.signOut({ force: true })
    await device.auth.ensureIdentity()
    await until(() => expect(textOf(theirs)).toBe('one'))
    theirs.getText('notes').insert(0, 'two')
    await until(() => expect(world.hocuspocus.text('team')).toBe('twoone'))
    expect(textOf(mine)).toBe('one')
  })

  test('does not get a document that an earlier page stored', async () => {
    await start()
    const document = new Y.Doc()
    document.getText('notes').insert(0, 'of somebody else')
    const [read, write] = [() => 'somebody-else', vi.fn()]
    const ada = await world.device({ owner: { read, write } }, { document })
    await settle(ada, 'ended')
    expect(ada.faults).toMatchObject([{ code: 'PRINCIPAL_MISMATCH' }])
    expect([atServer(ada), write.mock.calls, ada.providers]).toEqual([null, [], []])
  })

  test('does not get a document in memory that an earlier session of this page synced', async () => {
    await start()
    const ada = await world.device()
    const document = ada.document()
    ada.write('private')
    await until(() => expect(atServer(ada)).toBe('private'))
    await ada.session.end()
    await ada.auth.signOut({ force: true })
    await ada.auth.ensureIdentity()
    const next = await world.device({}, { auth: ada.auth, account: ada.account, document })
    await settle(next, 'ended')
    expect(next.faults).toMatchObject([{ code: 'PRINCIPAL_MISMATCH' }])
    expect([atServer(next), next.providers]).toEqual([null, []])
    // The same page goes on with another document.
    const again = await world.device({}, { auth: ada.auth, account: ada.account })
    await settle(again, 'connected')
  })

  test('is not let in by a clear that kept the document', async () => {
    await start()
    const document = new Y.Doc()
    const ada = await world.device({ clear: () => {}, document: () => document })
    await settle(ada, 'connected')
    await expect(ada.session.clear()).rejects.toThrow(TypeError)
  })
})

describe('a token', () => {
  test('is replaced in the open document before it expires', async () => {
    const { hocuspocus, device, time } = await start()
    const ada = await device()
    await settle(ada, 'connected')
    await time.advance(14 * MINUTE + 1000)
    await until(() => {
      ada.write('.')
      expect(Number(hocuspocus.writers.at(-1)?.claims['exp']) * 1000).toBeGreaterThan(time.clock() + 14 * MINUTE)
    })
    await time.advance(2 * MINUTE)
    ada.write('still here')
    await until(() => expect(atServer(ada)).toContain('still here'))
    expect([hocuspocus.sockets(), ada.kinds, ada.faults]).toEqual([1, [], []])
  })

  test('that the server asks for is the current one, and not that of the opening', async () => {
    const { hocuspocus, device } = await start()
    const ada = await device()
    await settle(ada, 'connected')
    await ada.auth.upgrade(() => ada.account.signUp('ada'))
    await until(() => expect(hocuspocus.synced).toHaveLength(1))
    hocuspocus.requestTokens()
    await until(() => expect(hocuspocus.synced).toHaveLength(2))
    const answer = hocuspocus.synced[1]!
    expect(answer).toBe(hocuspocus.synced[0])
    expect(claimsOf(answer)).toMatchObject({ sub: ada.principal(), auth_mode: 'external' })
    expect(ada.session.getState().status).toBe('connected')
  })

  test('that expired on the way is refused by the server, and a fresh one goes on', async () => {
    const { hocuspocus, device, time } = await start()
    const ada = await device()
    await settle(ada, 'connected')
    const errors: unknown[] = []
    ada.auth.subscribe(() => errors.push(ada.auth.getState().error))
    // The device sleeps: no timer fires. The server's timer is late, its clock is not.
    time.jump(16 * MINUTE)
    ada.write('after the sleep')
    await inTime(() => expect(atServer(ada)).toBe('after the sleep'))
    expect(errors[0]).toBe('expired')
    expect(ada.auth.getState().error).toBeUndefined()
    expect(hocuspocus.writers.every(({ principal }) => principal === ada.principal())).toBe(true)
    expect(ada.kinds).toEqual([])
  })

  test.each(['invalid', 'disabled'] as const)('that is refused as %s pauses, and loses nothing', async (refusal) => {
    const { device } = await start()
    world.refusal = refusal
    const ada = await device()
    ada.write('waits')
    await inTime(() => expect(ada.kinds).toEqual(['UNAUTHORIZED']))
    expect(ada.session.getState()).toMatchObject({ status: 'paused', error: refusal })
    expect(ada.auth.getState().error).toBe(refusal)
    world.refusal = null
    if (refusal === 'disabled') ada.auth.reportToken(null)
    await inTime(() => expect(atServer(ada)).toBe('waits'))
    expect(ada.session.getState().status).toBe('connected')
  })

  test('that cannot be checked now is not refused', async () => {
    const { device } = await start()
    world.refusal = 'unavailable'
    const ada = await device()
    ada.write('waits')
    await until(() => expect(ada.session.getState().status).toBe('connecting'))
    world.refusal = null
    await inTime(() => expect(atServer(ada)).toBe('waits'))
    expect([ada.kinds, ada.auth.getState().error]).toEqual([[], undefined])
  })

  test('that is refused in the open document leaves the one before in use', async () => {
    const { device } = await start()
    const ada = await device()
    await settle(ada, 'connected')
    world.refusal = 'invalid'
    const token = await ada.auth.getToken({ fresh: true })
    world.time.jump(1000)
    const next = (await ada.auth.getToken({ fresh: true }))!
    expect(next).not.toBe(token)
    await expect(ada.session.update(next)).rejects.toMatchObject({ code: 'SESSION_TOKEN_REFUSED' })
    world.refusal = null
    ada.write('still mine')
    await inTime(() => expect(atServer(ada)).toBe('still mine'))
    expect(ada.kinds).toEqual([])
  })

  test('that cannot be checked in the open document leaves the one before in use', async () => {
    const { device, hocuspocus } = await start()
    const ada = await device()
    await settle(ada, 'connected')
    world.time.jump(1000)
    const next = (await ada.auth.getToken({ fresh: true }))!
    const current = ada.providers[0]!.configuration.token as () => string
    const before = current()
    world.refusal = 'unavailable'
    await expect(ada.session.update(next)).rejects.toMatchObject({ code: 'OFFLINE' })
    expect(current()).toBe(before)
    ada.write('still mine')
    await until(() => expect(atServer(ada)).toBe('still mine'))
    expect([hocuspocus.sockets(), ada.session.getState().status]).toEqual([1, 'connected'])
  })
})

describe('a document', () => {
  test('that is not open to the session is reported, and says nothing about the token', async () => {
    const { device } = await start()
    const ada = await device({ name: () => 'notes:somebody-else' })
    ada.write('not mine')
    await until(() => expect(ada.faults).toMatchObject([{ code: 'DOCUMENT_FORBIDDEN' }]))
    expect(ada.session.getState().status).toBe('connecting')
    expect([ada.auth.getState().error, ada.kinds]).toEqual([undefined, []])
    expect(world.hocuspocus.text('notes:somebody-else')).toBe(null)
  })

  test('that the server closes is opened again, and nothing that was written meanwhile is lost', async () => {
    const { device, hocuspocus } = await start()
    const ada = await device()
    await settle(ada, 'connected')
    hocuspocus.closeDocuments('moved to another server')
    await until(() => expect(ada.session.getState().status).toBe('connecting'))
    ada.write('meanwhile')
    await inTime(() => expect(atServer(ada)).toBe('meanwhile'))
  })

  test('leaves nothing behind when the session ends: its provider is destroyed, and the next session gets another', async () => {
    const { device } = await start()
    const ada = await device()
    await settle(ada, 'connected')
    const destroyed = vi.fn()
    ada.providers[0]!.on('destroy', destroyed)
    ada.session.disconnect()
    expect(destroyed).not.toHaveBeenCalled()
    await ada.session.end()
    expect(destroyed).toHaveBeenCalledOnce()
    ada.write('meanwhile')
    await ada.session.start()
    ada.session.connect()
    await until(() => expect(atServer(ada)).toBe('meanwhile'))
    expect(ada.providers).toHaveLength(2)
  })

  test('comes back after the network broke, with the same provider and presence', async () => {
    const { device, hocuspocus } = await start()
    const ada = await device()
    await settle(ada, 'connected')
    const { awareness } = ada.providers[0]!
    awareness!.setLocalStateField('name', 'Ada')
    hocuspocus.online = false
    await settle(ada, 'connecting')
    ada.write('in the tunnel')
    hocuspocus.online = true
    await inTime(() => expect(atServer(ada)).toBe('in the tunnel'))
    expect(ada.providers).toHaveLength(1)
    expect(ada.providers[0]!.awareness!.getLocalState()).toEqual({ name: 'Ada' })
  })

  test.each([WebSocket, MuteWebSocket])(
    'comes back after it was disconnected while it connected (%o)',
    async (socket) => {
      const { device, hocuspocus } = await start()
      const statuses: string[] = []
      const ada = await device({
        autoConnect: false,
        provider(input) {
          // A socket of its own takes the class of the options too, which their type does not say.
          const provider = new HocuspocusProvider({ url: hocuspocus.url, WebSocketPolyfill: socket, ...input } as never)
          queueMicrotask(() => {
            statuses.push(provider.configuration.websocketProvider.status)
            ada.session.disconnect()
            ada.session.connect()
          })
          return provider
        },
      })
      ada.session.connect()
      await settle(ada, 'connected')
      expect(statuses).toEqual(['connecting'])
      expect(hocuspocus.open()).toEqual([nameOf(ada.principal())])
    },
  )

  test('comes back at once after the network stopped answering', async () => {
    const { device, hocuspocus } = await start()
    const ada = await device()
    await settle(ada, 'connected')
    hocuspocus.freeze()
    ada.session.disconnect()
    ada.session.connect()
    await settle(ada, 'connected')
    ada.write('over another socket')
    await until(() => expect(atServer(ada)).toBe('over another socket'))
    expect([hocuspocus.sockets(), ada.providers.length]).toEqual([2, 1])
  })

  test('that is cleared in a running session is another one, which syncs', async () => {
    const { device } = await start()
    const ada = await device()
    await settle(ada, 'connected')
    ada.write('at the server')
    await until(() => expect(atServer(ada)).toBe('at the server'))
    await ada.session.clear()
    await until(() => expect(ada.text()).toBe('at the server'))
    await settle(ada, 'connected')
    ada.write('still ')
    await until(() => expect(atServer(ada)).toBe('still at the server'))
    expect([ada.providers.length, ada.faults]).toEqual([2, []])
  })

  test('shares a socket with others', async () => {
    const { device, hocuspocus } = await start({
      authorize: ({ documentName, session }) => (documentName.endsWith(`:${session.principal}`) ? 'read-write' : null),
    })
    const socket = new HocuspocusProviderWebsocket({ url: hocuspocus.url })
    opened.push(() => until(() => expect(socket.status).not.toBe('connecting')).then(() => socket.destroy()))
    const ada = await device({}, { socket })
    const tasks = await device({ name: 'tasks' }, { socket, auth: ada.auth })
    ada.write('notes')
    tasks.write('tasks')
    const [notes, others] = ['notes', 'tasks'].map((name) => `${name}:${ada.principal()}`) as [string, string]
    await until(() => expect([hocuspocus.text(notes), hocuspocus.text(others)]).toEqual(['notes', 'tasks']))
    ada.session.disconnect()
    ada.session.connect()
    ada.write('more ')
    await inTime(() => expect(hocuspocus.text(notes)).toBe('more notes'))
    expect(hocuspocus.sockets()).toBe(1)
    expect(tasks.session.getState().status).toBe('connected')
  })

  test('that may only be read takes no writes', async () => {
    const { device } = await start({ authorize: () => 'readonly' })
    const ada = await device()
    await settle(ada, 'connected')
    ada.write('no')
    await until(() => expect(ada.providers[0]!.hasUnsyncedChanges).toBe(true))
    expect(ada.providers[0]!.authorizedScope).toBe('readonly')
    expect(atServer(ada)).toBe('')
    expect(textOf(ada.document())).toBe('no')
  })
})

describe('a local write', () => {
  /** A document with some content to which only the guard listens. */
  async function guarded(): Promise<{ document: Y.Doc; markWritten: () => Promise<void> }> {
    const document = new Y.Doc()
    document.getText('notes').insert(0, 'before')
    document.getMap('cards').set('one', new Y.Text())
    const { auth } = await testIdentity(testTime())
    const markWritten = vi.fn(async () => {})
    const provider = (): never => {
      throw new Error('never connected')
    }
    const options = { document, name: 'notes', owner: 'memory', autoStart: false, provider } as const
    connectHocuspocus({ ...auth, markWritten }, options)
    return { document, markWritten }
  }
  const isUpdate = (event: string): boolean => event.startsWith('update')
  const notesOf = (document: Y.Doc): Y.Text => document.getText('notes')
  const fromElsewhere = (document: Y.Doc, change: (copy: Y.Doc) => void): void => {
    const copy = new Y.Doc()
    Y.applyUpdate(copy, Y.encodeStateAsUpdate(document))
    change(copy)
    Y.applyUpdate(document, Y.encodeStateAsUpdate(copy))
  }

  // Yjs emits `update` only if something listens to it, and encodes the transaction for that.
  test('is noticed without having Yjs encode it', async () => {
    const { document, markWritten } = await guarded()
    const emit = vi.spyOn(document, 'emit')
    notesOf(document).insert(0, 'more ')
    expect(markWritten).toHaveBeenCalledOnce()
    expect(emit.mock.calls.map(([event]) => event).filter(isUpdate)).toEqual([])
  })

  test.each<[string, (document: Y.Doc) => unknown]>([
    ['an insertion', (document) => notesOf(document).insert(0, 'more ')],
    ['a deletion', (document) => notesOf(document).delete(0, 1)],
    [
      'a change by an observer of a remote change',
      (document) => {
        notesOf(document).observe(({ transaction }) => transaction.local || notesOf(document).insert(0, 'also '))
        fromElsewhere(document, (copy) => notesOf(copy).insert(0, 'more '))
      },
    ],
    [
      'a change whose observer throws',
      (document) => {
        notesOf(document).observe(() => {
          throw new Error('of the app')
        })
        expect(() => notesOf(document).insert(0, 'more ')).toThrow('of the app')
      },
    ],
  ])('is %s, as in the updates of Yjs', async (_, write) => {
    const { document, markWritten } = await guarded()
    const updated = vi.fn()
    document.on('update', (_, __, ___, { local }) => local && updated())
    write(document)
    expect(markWritten).toHaveBeenCalledOnce()
    expect(updated).toHaveBeenCalledOnce()
  })

  test('is also one in a part of the document that was deleted', async () => {
    const card = (document: Y.Doc): Y.Text => document.getMap('cards').get('one') as Y.Text
    const { document, markWritten } = await guarded()
    const deleted = card(document)
    fromElsewhere(document, (copy) => copy.getMap('cards').delete('one'))
    const updated = vi.fn()
    document.on('update', updated)
    deleted.insert(0, 'more ')
    expect([card(document), updated.mock.calls.length]).toEqual([undefined, 1])
    expect(markWritten).toHaveBeenCalledOnce()
  })

  test.each<[string, (document: Y.Doc) => unknown]>([
    ['an insertion from elsewhere', (document) => fromElsewhere(document, (copy) => notesOf(copy).insert(0, 'more '))],
    ['a deletion from elsewhere', (document) => fromElsewhere(document, (copy) => notesOf(copy).delete(0, 1))],
    [
      'an insertion from elsewhere inside a local transaction',
      (document) => document.transact(() => fromElsewhere(document, (copy) => notesOf(copy).insert(0, 'more '))),
    ],
    ['a transaction that changes nothing', (document) => document.transact(() => notesOf(document).toString())],
  ])('is not %s', async (_, act) => {
    const { document, markWritten } = await guarded()
    const finished = vi.fn()
    document.on('afterTransaction', finished)
    act(document)
    expect(finished).toHaveBeenCalledOnce()
    expect(markWritten).not.toHaveBeenCalled()
  })
})

test.each([
  ['name', { name: '' }],
  ['name', { name: 'notes:of' }],
  ['provider', { provider: undefined }],
  ['owner', { owner: undefined }],
  ['owner', { owner: { read: () => null } }],
  ['owner', { owner: { write: () => {} } }],
  ['document', { document: new Y.Doc() }],
])('an invalid %s is refused', async (name, wrong) => {
  const { device } = await start()
  const { auth } = await device()
  const valid = { name: 'notes', document: () => new Y.Doc(), provider: () => {}, owner: 'memory', clear: () => {} }
  expect(() => connectHocuspocus(auth, { ...valid, ...wrong } as never)).toThrow(new RegExp(`^${name}: `))
})
