import { describe, expect, test, vi } from 'vitest'
import type { Auth } from '../client/auth.ts'
import { LatchkeyError } from '../errors.ts'
import type { ConnectedSession } from './connected-session.ts'
import type { RestartChange, SessionOptions } from './options.ts'
import { type OwnerStore, ownedTransport } from './owned-transport.ts'
import type { SessionConnection } from './transport.ts'
import {
  HOUR,
  MINUTE,
  SECOND,
  type TestTransport,
  anonymousAuth,
  rest,
  testIdentity,
  testSession,
  testSource,
  testTime,
  testTransport,
} from './session.testing.ts'

/** A store that survives a reload. */
function testStore(owner: string | null = null): OwnerStore & { owner: string | null } {
  const store = {
    owner,
    read: async () => store.owner,
    write: async (principal: string | null) => void (store.owner = principal),
  }
  return store
}

async function world(owner: string | null = null, options: SessionOptions = {}, more: Partial<OwnerStore> = {}) {
  const time = testTime()
  const { auth, account, server } = await testIdentity(time)
  const transport = testTransport()
  const store = Object.assign(testStore(owner), more)
  const principal = (): string => auth.getState().session!.principal
  const open = (given: SessionOptions = options) =>
    testSession(time, auth, ownedTransport(auth, transport, store), given)
  return { time, auth, account, server, transport, store, principal, open }
}

const connects = ({ calls }: TestTransport): number => calls.filter((call) => call.startsWith('connect')).length

const clear = (session: ConnectedSession): Promise<void> => session.clear()

/**
 * A session whose app asks what becomes of the data.
 *
 * @param act - what it does with each decision
 */
async function asking(
  owner: string | null = null,
  options: SessionOptions = {},
  act: (session: ConnectedSession) => unknown = () => {},
) {
  const given = await world(owner)
  const { auth, account, server, principal, open } = given
  const decisions: (() => void)[] = []
  const beforeRestart = vi.fn(async (_: RestartChange, session: ConnectedSession) => {
    await new Promise<void>((resolve) => void decisions.push(resolve))
    await act(session)
  })
  const first = principal()
  const { session, faults } = await open({ ...options, beforeRestart })
  return {
    ...given,
    session,
    first,
    faults,
    asked: () => beforeRestart.mock.calls.map(([change]) => change),
    async signIn(name: string) {
      await auth.signOut({ force: true })
      server.accounts.set(name, { accountId: name, principal: name, aliases: [], recoverable: true, claims: {} })
      await auth.upgrade(() => account.signIn(name))
      await rest()
    },
    async decide(...order: readonly number[]) {
      for (const index of order) decisions[index]!()
      await rest()
    },
  }
}

describe('data of another user, from before the page was loaded', () => {
  test('without beforeRestart ends the session before anything is sent, and is reported', async () => {
    const { open, transport, store } = await world('ada')
    const { session, faults } = await open()
    expect(session.getState().status).toBe('ended')
    expect(faults).toMatchObject([{ code: 'PRINCIPAL_MISMATCH' }])
    expect([connects(transport), store.owner]).toEqual([0, 'ada'])
  })

  test('is handled by beforeRestart before the session connects, once', async () => {
    const { open, transport, store, principal } = await world('ada')
    const beforeRestart = vi.fn(() => expect(connects(transport)).toBe(0))
    const { session, faults } = await open({ beforeRestart })
    expect(beforeRestart.mock.calls).toEqual([[{ from: 'ada', to: principal() }, expect.anything()]])
    expect([session.getState().status, store.owner, faults]).toEqual(['connected', principal(), []])
    await session.end()
    await open({ beforeRestart })
    expect(beforeRestart).toHaveBeenCalledOnce()
  })

  test('stays theirs if beforeRestart fails', async () => {
    const { open, transport, store } = await world('ada')
    const cause = new Error('not cleared')
    const { session, faults } = await open({ beforeRestart: () => Promise.reject(cause) })
    expect(session.getState().status).toBe('ended')
    expect(faults).toMatchObject([{ code: 'PRINCIPAL_MISMATCH', cause }])
    expect([connects(transport), store.owner]).toEqual([0, 'ada'])
  })

  test('may take the user as long to decide as they like', async () => {
    let decide = (): void => {}
    const decided = new Promise<void>((resolve) => void (decide = resolve))
    const { open, transport, time } = await world('ada')
    const { session, faults } = await open({ beforeRestart: () => decided })
    await time.advance(10 * MINUTE)
    expect([connects(transport), faults]).toEqual([0, []])
    decide()
    await rest()
    expect(session.getState().status).toBe('connected')
  })

  test('is asked about once, however many tokens expire meanwhile', async () => {
    const { asked, decide, first, session, time, transport } = await asking('ada', {}, clear)
    await time.advance(2 * HOUR)
    expect(asked()).toEqual([{ from: 'ada', to: first }])
    await decide(0)
    expect(session.getState()).toEqual({ status: 'connected', principal: first })
    expect([connects(transport), transport.calls.filter((call) => call === 'clear')]).toEqual([1, ['clear']])
  })

  /** A transport of its own, which finds the data at once. */
  async function finding() {
    const { time, auth, transport } = await world()
    let decide = (): void => {}
    const decided = new Promise<void>((resolve) => void (decide = resolve))
    const { connect } = transport
    const handles: SessionConnection[] = []
    transport.connect = (token, connection) => {
      handles.push(connection)
      return connection.handOver('ada').then(() => connect(token, connection))
    }
    const given = await testSession(time, auth, transport, { beforeRestart: () => decided })
    return { ...given, time, transport, handles, decide: async () => (decide(), rest()) }
  }

  test('may be found by a transport of its own at once', async () => {
    const { decide, faults, session, time } = await finding()
    await time.advance(10 * MINUTE)
    expect(faults).toEqual([])
    await decide()
    expect(session.getState().status).toBe('connected')
  })

  test('is not connected to by a transport of its own whose connection is over by then', async () => {
    const { decide, faults, session, transport } = await finding()
    session.disconnect()
    await decide()
    expect([connects(transport), faults]).toEqual([0, []])
  })

  test('is connected to once by a transport of its own, however many tokens expire meanwhile', async () => {
    const { decide, faults, handles, session, time, transport } = await finding()
    await time.advance(2 * HOUR)
    expect(handles.length).toBeGreaterThan(1)
    await decide()
    expect([connects(transport), session.getState().status, faults]).toEqual([1, 'connected', []])
  })

  test('is not found by a connection that is over', async () => {
    const { decide, handles, session, transport } = await finding()
    await decide()
    session.disconnect()
    session.connect()
    await rest()
    await expect(handles[0]!.handOver('eve')).rejects.toMatchObject({ code: 'SESSION_ENDED' })
    expect([handles.length, connects(transport), session.getState().status]).toEqual([2, 2, 'connected'])
  })

  test('is not connected to while it is deleted, also if beforeRestart does not wait for that', async () => {
    let finish = (): void => {}
    const { open, transport } = await world('ada')
    transport.clear = () => new Promise<void>((resolve) => void (finish = resolve))
    const { session } = await open({ beforeRestart: (_, session) => void session.clear() })
    expect(connects(transport)).toBe(0)
    finish()
    await rest()
    expect([connects(transport), session.getState().status]).toEqual([1, 'connected'])
  })

  test('bounds the connection again once it is handled', async () => {
    const { open, transport, time } = await world('ada')
    transport.connect = () => new Promise(() => {})
    const { faults } = await open({ beforeRestart: () => {} })
    await time.advance(30 * SECOND)
    expect(faults).toMatchObject([{ code: 'OFFLINE' }])
  })

  test('is not connected to if the session was disconnected meanwhile', async () => {
    let decide = (): void => {}
    const decided = new Promise<void>((resolve) => void (decide = resolve))
    const { open, transport } = await world('ada')
    const { session } = await open({ beforeRestart: () => decided })
    session.disconnect()
    decide()
    await rest()
    expect(connects(transport)).toBe(0)
  })

  test('is handled for a user whose token comes from elsewhere too', async () => {
    const time = testTime()
    const auth = await anonymousAuth(time)
    const [transport, store] = [testTransport(), testStore('ada')]
    const source = testSource(time.clock, 'bob')
    const { session } = await testSession(time, auth, ownedTransport(auth, transport, store), {
      refresh: source,
      beforeRestart: ({ from, to }) => expect([from, to]).toEqual(['ada', 'bob']),
    })
    expect([session.getState().status, store.owner]).toEqual(['connected', 'bob'])
  })
})

describe('the owner', () => {
  test('is stored before there is a connection', async () => {
    const { open, store, principal } = await world()
    await open({ autoStart: false })
    expect(store.owner).toBe(principal())
  })

  test('is stored for the first user, however slow the store is', async () => {
    let answer = (): void => {}
    const slow = new Promise<void>((resolve) => void (answer = resolve))
    const store = testStore()
    const { auth, open, principal, account, server, transport } = await world(
      null,
      {},
      {
        read: async () => (await slow, store.owner),
        write: store.write,
      },
    )
    const first = principal()
    const { session, faults } = await open({ autoStart: false })
    await auth.signOut({ force: true })
    server.accounts.set('eve', { accountId: 'eve', principal: 'eve', aliases: [], recoverable: true, claims: {} })
    await auth.upgrade(() => account.signIn('eve'))
    await session.start()
    await rest()
    answer()
    await rest()
    expect(principal()).toBe('eve')
    expect([store.owner, connects(transport), session.getState().status]).toEqual([first, 0, 'ended'])
    expect(faults).toMatchObject([{ code: 'PRINCIPAL_MISMATCH' }])
  })

  test('is stored as soon as the app has handled the data, without a connection', async () => {
    const { auth, account, open, store, principal, server } = await world()
    const beforeRestart = vi.fn()
    await open({ beforeRestart })
    await auth.signOut({ force: true })
    server.accounts.set('eve', { accountId: 'eve', principal: 'eve', aliases: [], recoverable: true, claims: {} })
    account.online = true
    await auth.upgrade(() => account.signIn('eve'))
    await rest()
    expect(beforeRestart).toHaveBeenCalledOnce()
    expect([principal(), store.owner]).toEqual(['eve', 'eve'])
  })

  test('is the current user once the data is cleared', async () => {
    const { open, store, principal, transport } = await world('ada')
    const { session } = await open({ beforeRestart: (_, session) => session.clear() })
    expect(transport.calls).toContain('clear')
    expect([session.getState().status, store.owner]).toEqual(['connected', principal()])
  })

  test('is null if the data is cleared after a sign-out', async () => {
    const { open, store, auth } = await world()
    const { session } = await open()
    await auth.signOut({ force: true })
    await session.clear()
    expect(store.owner).toBe(null)
  })

  test('is the user who comes back after a sign-out and a clear', async () => {
    const { open, store, auth, principal } = await world()
    const before = principal()
    const { session } = await open({ autoStart: false })
    await auth.signOut({ force: true })
    await session.clear()
    await auth.ensureIdentity({ resume: before })
    await rest()
    expect([principal(), store.owner]).toEqual([before, before])
  })

  test('that cannot be read is a lost connection, and is read again', async () => {
    const read = vi.fn<OwnerStore['read']>().mockRejectedValueOnce(new Error('blocked'))
    read.mockRejectedValueOnce(new Error('blocked'))
    const { open, time, transport, store, principal } = await world(
      null,
      {},
      {
        read: () => read() as Promise<string | null>,
      },
    )
    read.mockImplementation(async () => store.owner)
    const { session, faults } = await open()
    expect([connects(transport), faults]).toMatchObject([0, [{ message: 'blocked' }]])
    await time.advance(2 * SECOND)
    expect([session.getState().status, store.owner]).toEqual(['connected', principal()])
  })

  test('that was read just now is not read again before the app is asked about it', async () => {
    const { time, auth, transport, store, principal } = await world('ada')
    const owned = { ...ownedTransport(auth, transport, store), owner: () => Promise.reject(new Error('blocked')) }
    const { session, faults } = await testSession(time, auth, owned, { beforeRestart: () => {} })
    expect([session.getState().status, store.owner, faults]).toEqual(['connected', principal(), []])
  })
})

describe('another tab that has handled the data first', () => {
  test.each(['bob', 'alias'])(
    'keeps what the next user has written since as %s: nothing is cleared, and the session asks for a reload',
    async (owner) => {
      const { auth, account, server, open, store, transport, principal } = await world()
      const { session, faults } = await open({ beforeRestart: (_, session) => session.clear() })
      await auth.signOut({ force: true })
      const bob = { accountId: 'bob', principal: 'bob', aliases: ['alias'], recoverable: true, claims: {} }
      server.accounts.set('bob', bob)
      // The other tab has seen the next user already, and cleared.
      store.owner = owner
      await auth.upgrade(() => account.signIn('bob'))
      await rest()
      expect([principal(), store.owner]).toEqual(['bob', owner])
      expect(transport.calls).not.toContain('clear')
      expect([connects(transport), session.getState().status]).toEqual([1, 'ended'])
      expect(faults).toMatchObject([{ code: 'PRINCIPAL_MISMATCH' }])
      expect(String(faults[0])).toContain('reload')
    },
  )

  test('the same where this tab never had a token: it may have read the data of the first user', async () => {
    const handler = (): Promise<never> => Promise.reject(new LatchkeyError('OFFLINE'))
    const { asked, faults, session, signIn, store } = await asking(null, { refresh: { handler } })
    store.owner = 'bob'
    await signIn('bob')
    expect([asked(), store.owner, session.getState().status]).toEqual([[], 'bob', 'ended'])
    expect(faults.at(-1)).toMatchObject({ code: 'PRINCIPAL_MISMATCH', message: expect.stringContaining('reload') })
  })
})

describe('another tab that handles the data while the app decides', () => {
  test.each([
    ['an answer that clears the data', clear],
    ['an answer that does not wait for that', (session: ConnectedSession) => void session.clear()],
    ['an answer that hides that it failed', (session: ConnectedSession) => session.clear().catch(() => {})],
  ])('keeps what the next user has written since: %s changes nothing', async (_, act) => {
    const { decide, faults, session, signIn, store, transport } = await asking(null, {}, act)
    await signIn('bob')
    store.owner = 'bob'
    await decide(0)
    expect(transport.calls).not.toContain('clear')
    expect([connects(transport), session.getState().status]).toEqual([1, 'ended'])
    expect(faults).toMatchObject([{ code: 'PRINCIPAL_MISMATCH', message: expect.stringContaining('reload') }])
  })

  test('an answer may clear the data twice', async () => {
    const twice = async (session: ConnectedSession): Promise<void> => (await session.clear(), session.clear())
    const { decide, faults, session, signIn } = await asking(null, {}, twice)
    await signIn('bob')
    await decide(0)
    expect([faults, session.getState()]).toEqual([[], { status: 'connected', principal: 'bob' }])
  })
})

describe('a third user, who comes while the app asks about the second', () => {
  test.each([[[0, 1]], [[1, 0]]])(
    'connects and owns the data, in whatever order the app decides: %j',
    async (order) => {
      const { asked, decide, faults, first, session, signIn, store, transport } = await asking()
      await signIn('bob')
      await signIn('carol')
      await decide(...order)
      expect(asked()).toEqual([
        { from: first, to: 'bob' },
        { from: first, to: 'carol' },
      ])
      expect([store.owner, session.getState()]).toEqual(['carol', { status: 'connected', principal: 'carol' }])
      expect([transport.calls.filter((call) => call.includes('bob')), faults]).toEqual([[], []])
    },
  )

  test.each([[[0, 1]], [[1, 0]]])('the same where an earlier page left the data: %j', async (order) => {
    const { asked, decide, first, session, signIn, store, transport } = await asking('ada')
    await signIn('carol')
    await decide(...order)
    expect(asked()).toEqual([
      { from: 'ada', to: first },
      { from: 'ada', to: 'carol' },
    ])
    expect([store.owner, session.getState()]).toEqual(['carol', { status: 'connected', principal: 'carol' }])
    expect(connects(transport)).toBe(1)
  })

  test('the same where an earlier page left the data, and the transport does not tell its owner', async () => {
    const { time, auth, account, server, transport, store, principal } = await world('ada')
    const { owner: _, ...silent } = ownedTransport(auth, transport, store)
    const first = principal()
    const beforeRestart = vi.fn((_change: RestartChange) => new Promise<void>(() => {}))
    await testSession(time, auth, silent, { beforeRestart })
    await auth.signOut({ force: true })
    server.accounts.set('carol', { accountId: 'carol', principal: 'carol', aliases: [], recoverable: true, claims: {} })
    await auth.upgrade(() => account.signIn('carol'))
    await rest()
    expect(beforeRestart.mock.calls.map(([change]) => change)).toEqual([
      { from: 'ada', to: first },
      { from: 'ada', to: 'carol' },
    ])
  })

  test.each([[[0, 1]], [[1, 0]]])('the same where the app calls `start`: %j', async (order) => {
    const { asked, decide, first, session, signIn, store } = await asking()
    await session.end()
    await signIn('bob')
    const stale = session.start()
    stale.catch(() => {})
    await signIn('carol')
    const started = session.start()
    await rest()
    await decide(...order)
    await started
    expect(asked()).toEqual([
      { from: first, to: 'bob' },
      { from: first, to: 'carol' },
    ])
    expect([store.owner, session.getState()]).toEqual(['carol', { status: 'connected', principal: 'carol' }])
  })

  test.each([['the session starts by itself'], ['the app calls `start`']])(
    'gets nothing that the app decides after the end of the session, where %s',
    async (how) => {
      const { asked, decide, faults, first, session, signIn, store } = await asking()
      if (how.startsWith('the app')) await session.end()
      await signIn('bob')
      const started = how.startsWith('the app') ? session.start() : session.ready
      await rest()
      await session.end()
      await decide(0)
      await started
      expect(asked()).toEqual([{ from: first, to: 'bob' }])
      expect([store.owner, session.getState().status, faults]).toEqual([first, 'ended', []])
    },
  )

  test('gets nothing that the app decides after the end of the session, where tokens come from elsewhere', async () => {
    const time = testTime()
    const auth = await anonymousAuth(time)
    const [store, source] = [testStore(), testSource(time.clock, 'ada')]
    let decide = (): void => {}
    const beforeRestart = vi.fn(() => new Promise<void>((resolve) => void (decide = resolve)))
    const transport = ownedTransport(auth, testTransport(), store)
    const { session } = await testSession(time, auth, transport, { refresh: source, beforeRestart })
    source.answer = () => testSource(time.clock, 'bob').next()
    await time.advance(15 * MINUTE)
    expect(beforeRestart).toHaveBeenCalledOnce()
    await session.end()
    decide()
    await rest()
    expect([store.owner, session.getState().status]).toEqual(['ada', 'ended'])
  })

  test('is asked about the second, whose data it is by then, even if there was no token yet', async () => {
    const { account, asked, decide, signIn, first } = await asking()
    account.provider.getToken = () => Promise.reject(new Error('down'))
    await signIn('bob')
    await decide(0)
    await signIn('carol')
    expect(asked()).toEqual([
      { from: first, to: 'bob' },
      { from: 'bob', to: 'carol' },
    ])
  })

  test('is asked about whose data it is, also if the second never had a token', async () => {
    const handler = (): Promise<never> => Promise.reject(new LatchkeyError('OFFLINE'))
    const { asked, signIn } = await asking('ada', { refresh: { handler } })
    await signIn('carol')
    expect(asked()).toEqual([{ from: 'ada', to: 'carol' }])
  })
})

describe('an answer for a user who has left again', () => {
  test('deletes nothing of the one who came back', async () => {
    const { auth, decide, faults, first, session, signIn, store, transport } = await asking(null, {}, clear)
    await signIn('bob')
    await auth.signOut({ force: true })
    await auth.ensureIdentity({ resume: first })
    await rest()
    await decide(0)
    expect(transport.calls).not.toContain('clear')
    expect([store.owner, session.getState()]).toEqual([first, { status: 'connected', principal: first }])
    expect(faults).toMatchObject([{ code: 'SESSION_ENDED' }])
  })

  test('deletes nothing of the same user who came back, where an earlier page left the data', async () => {
    const { asked, auth, decide, first, session, store, transport } = await asking('ada', {}, clear)
    await auth.signOut({ force: true })
    await auth.ensureIdentity({ resume: first })
    await rest()
    await decide(1)
    await decide(0)
    expect(asked()).toEqual([
      { from: 'ada', to: first },
      { from: 'ada', to: first },
    ])
    expect(transport.calls.filter((call) => call === 'clear')).toHaveLength(1)
    expect([store.owner, session.getState()]).toEqual([first, { status: 'connected', principal: first }])
  })

  test('deletes nothing of the same user, who came back and was asked again', async () => {
    const { asked, decide, first, session, signIn, store, transport } = await asking(null, {}, clear)
    await signIn('bob')
    await signIn('bob')
    await decide(1)
    await decide(0)
    expect(asked()).toEqual([
      { from: first, to: 'bob' },
      { from: first, to: 'bob' },
    ])
    expect(transport.calls.filter((call) => call === 'clear')).toHaveLength(1)
    expect([store.owner, session.getState()]).toEqual(['bob', { status: 'connected', principal: 'bob' }])
  })
})

describe('a user about whom the app is asked already', () => {
  /** The same, where tokens come from elsewhere. */
  async function signedInElsewhere(owner: string | null, principal: string) {
    const time = testTime()
    const auth = await anonymousAuth(time)
    const [transport, store, source] = [testTransport(), testStore(owner), testSource(time.clock, principal)]
    let decide = (): void => {}
    const beforeRestart = vi.fn(() => new Promise<void>((resolve) => void (decide = resolve)))
    const owned = ownedTransport(auth, transport, store)
    const { session } = await testSession(time, auth, owned, { refresh: source, beforeRestart })
    const answer = async (): Promise<void> => (decide(), rest())
    return { time, transport, store, source, session, beforeRestart, answer }
  }

  test('is asked about once, where the token comes from elsewhere and expires meanwhile', async () => {
    const { answer, beforeRestart, session, store, time, transport } = await signedInElsewhere('ada', 'bob')
    await time.advance(2 * HOUR)
    expect(beforeRestart).toHaveBeenCalledOnce()
    await answer()
    expect([session.getState(), store.owner]).toEqual([{ status: 'connected', principal: 'bob' }, 'bob'])
    expect(connects(transport)).toBe(1)
  })

  test.each(['connect', 'start'] as const)(
    'is asked about once, where the token comes from elsewhere and the app calls `%s` meanwhile',
    async (name) => {
      const { answer, beforeRestart, session, source, store, time } = await signedInElsewhere(null, 'ada')
      source.answer = () => testSource(time.clock, 'bob').next()
      await time.advance(15 * MINUTE)
      await session[name]()
      await rest()
      expect(beforeRestart).toHaveBeenCalledOnce()
      await answer()
      expect([session.getState(), store.owner]).toEqual([{ status: 'connected', principal: 'bob' }, 'bob'])
    },
  )

  test('is asked about once by two starts', async () => {
    const { asked, decide, first, session, signIn, store, transport } = await asking(null, {}, clear)
    await session.end()
    await signIn('bob')
    const started = [session.start()]
    await rest()
    started.push(session.start())
    await rest()
    expect(asked()).toEqual([{ from: first, to: 'bob' }])
    await decide(0)
    await Promise.all(started)
    expect(transport.calls.filter((call) => call === 'clear')).toHaveLength(1)
    expect([store.owner, session.getState()]).toEqual(['bob', { status: 'connected', principal: 'bob' }])
  })

  test('is asked about again by a start after the end of the session', async () => {
    const { asked, decide, session, signIn, transport } = await asking(null, {}, clear)
    await session.end()
    await signIn('bob')
    const stale = session.start()
    stale.catch(() => {})
    await rest()
    await session.end()
    const started = session.start()
    await rest()
    await decide(1)
    await started
    await decide(0)
    expect(asked()).toHaveLength(2)
    expect(transport.calls.filter((call) => call === 'clear')).toHaveLength(1)
    expect(session.getState()).toEqual({ status: 'connected', principal: 'bob' })
  })

  test('is asked about no third time by a start that waited for the first answer', async () => {
    let answers = 0
    const act = (session: ConnectedSession): unknown => (answers++ === 0 ? undefined : session.clear())
    const { asked, decide, session, signIn, transport } = await asking(null, {}, act)
    await signIn('bob')
    const started = session.start()
    await rest()
    await signIn('bob')
    await decide(0)
    expect(asked()).toHaveLength(2)
    await decide(1)
    await started
    expect(transport.calls.filter((call) => call === 'clear')).toHaveLength(1)
    expect(session.getState()).toEqual({ status: 'connected', principal: 'bob' })
  })
})

describe('an adopted principal', () => {
  /** A session of an account that has adopted the principal to which the data belongs. */
  async function adopted(adopt?: OwnerStore['adopt']) {
    const time = testTime()
    const session = { principal: 'ada', principals: ['ada', 'device'], authMode: 'external', claims: {} } as const
    const source = testSource(time.clock, 'ada')
    const auth = {
      ready: Promise.resolve(),
      getState: () => ({ session, authMode: 'external' }),
      subscribe: () => () => {},
      getToken: source.handler,
      reportToken: () => {},
    } as unknown as Auth
    const [transport, store] = [testTransport(), Object.assign(testStore('device'), adopt && { adopt })]
    const beforeRestart = vi.fn()
    const open = () => testSession(time, auth, ownedTransport(auth, transport, store), { beforeRestart })
    return { ...(await open()), time, transport, store, beforeRestart }
  }

  test("is the same user: the data goes on under the account's principal", async () => {
    const { session, store, beforeRestart } = await adopted()
    expect([session.getState().status, store.owner]).toEqual(['connected', 'ada'])
    expect(beforeRestart).not.toHaveBeenCalled()
  })

  test('is merged with the token of the account before it connects', async () => {
    const adopt = vi.fn<NonNullable<OwnerStore['adopt']>>()
    const { transport } = await adopted(adopt)
    expect(adopt.mock.calls).toEqual([[{ from: 'device', to: 'ada' }, expect.any(String)]])
    expect(connects(transport)).toBe(1)
  })

  test('stays the owner if the session ended while it was merged', async () => {
    let merge = (): void => {}
    const { session, store } = await adopted(() => new Promise<void>((resolve) => void (merge = resolve)))
    await session.end()
    merge()
    await rest()
    expect(store.owner).toBe('device')
  })

  test('stays the owner until it was merged', async () => {
    const adopt = vi.fn<NonNullable<OwnerStore['adopt']>>().mockRejectedValueOnce(new Error('no answer'))
    const { transport, store, time, session } = await adopted(adopt)
    expect([connects(transport), store.owner, session.getState().status]).toEqual([0, 'device', 'connecting'])
    await time.advance(2 * SECOND)
    expect([adopt.mock.calls.length, store.owner, session.getState().status]).toEqual([2, 'ada', 'connected'])
  })
})

test('an argument that is invalid is refused', async () => {
  const auth = await anonymousAuth(testTime())
  const store = testStore()
  expect(() => ownedTransport(auth, testTransport(['clear']), store)).toThrow(TypeError)
  for (const name of ['read', 'write'] as const)
    expect(() => ownedTransport(auth, testTransport(), { ...store, [name]: undefined } as never)).toThrow(
      new TypeError(`store.${name}: expected a function`),
    )
})

test('what the transport cannot do, it cannot do with an owner either', async () => {
  const auth = await anonymousAuth(testTime())
  const owned = ownedTransport(auth, testTransport(['update', 'hold', 'clear'], 'data'), testStore())
  expect(Object.keys(owned).sort()).toEqual(['assign', 'connect', 'disconnect', 'keeps', 'owner'])
})
