import { beforeEach, describe, expect, test, vi } from 'vitest'
import { LatchkeyError } from '../../lib/index.ts'
import { MINUTE, SECOND, claimsOf, rest, testTime } from '../../lib/session/session.testing.ts'
import { memoryAccountServer } from '../../lib/testing.ts'
import { connectZero } from './connect.ts'
import { DRAIN_MS, PERSIST_MS } from './instances.ts'
import { TestZero, type ZeroRig, zeroRig } from './zero.testing.ts'

// The longest waits.
beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(1))

const status = ({ session }: ZeroRig): string => session.getState().status

async function connected(options?: Parameters<typeof zeroRig>[0]): Promise<ZeroRig> {
  const rig = await zeroRig(options)
  rig.current().show('connected')
  await rig.time.advance(SECOND)
  return rig
}

/** A device whose principal was adopted by an account, with the client of both. */
async function adopted(): Promise<ZeroRig & { readonly alias: string }> {
  const time = testTime()
  const accounts = memoryAccountServer(time.clock)
  await zeroRig({ accounts, time }).then(({ auth, account }) => auth.upgrade(() => account.signUp('ada')))
  const rig = await connected({ accounts, time })
  const alias = rig.principal()
  rig.current().mutate('offline')
  await rest()
  expect(await rig.auth.upgrade(() => rig.account.signIn('ada'))).toMatchObject({ outcome: 'conflict' })
  expect(await rig.auth.resolveConflict('adopt')).toMatchObject({ outcome: 'adopted' })
  await rest()
  return { ...rig, alias }
}

describe('the client', () => {
  test('belongs to the principal from the first second, before there is a token', async () => {
    const rig = await zeroRig({ refresh: { handler: () => Promise.reject(new LatchkeyError('OFFLINE')) } })
    expect(status(rig)).toBe('waiting')
    expect(rig.current().input).toMatchObject({
      userID: rig.principal(),
      queryHeaders: { 'x-latchkey-principal': rig.principal() },
      mutateHeaders: { 'x-latchkey-principal': rig.principal() },
    })
    expect(rig.current().tokens).toEqual([])
  })

  test('gets a token, and counts as connected once the server had a second to refuse it', async () => {
    const rig = await zeroRig()
    expect(claimsOf(rig.current().tokens[0]!)).toMatchObject({ sub: rig.principal() })
    rig.current().show('connected')
    await rig.time.advance(SECOND - 1)
    expect(status(rig)).toBe('connecting')
    await rig.time.advance(1)
    expect(status(rig)).toBe('connected')
  })

  test('stays at an upgrade, with the token of the account', async () => {
    const rig = await connected()
    const before = rig.current()
    await rig.auth.upgrade(() => rig.account.signUp('ada'))
    await rest()
    expect(rig.current()).toBe(before)
    expect(claimsOf(before.tokens.at(-1)!)).toMatchObject({ sub: rig.principal(), auth_mode: 'external' })
    expect([rig.zeros.length, before.isClosed, status(rig)]).toEqual([1, false, 'connected'])
  })

  test('stays at an upgrade that brings roles, also offline', async () => {
    const rig = await connected()
    const before = rig.current()
    const seen: unknown[] = []
    rig.session.zero.subscribe(() => seen.push(rig.session.zero.get()))
    await rig.auth.upgrade(async () => {
      const signedUp = await rig.account.signUp('ada')
      rig.server.accounts.get('ada')!.claims = { role: 'editor' }
      return signedUp
    })
    await rest()
    expect([rig.zeros.length, before.isClosed, seen]).toEqual([1, false, []])
    expect(claimsOf(before.tokens.at(-1)!)).toMatchObject({ role: 'editor' })
  })

  test('is replaced when its stored state is gone', async () => {
    const rig = await connected()
    const [before] = rig.zeros
    const seen: unknown[] = []
    rig.session.zero.subscribe(() => seen.push(rig.session.zero.get()))
    before!.input.onClientStateNotFound()
    expect(before!.isClosed).toBe(true)
    expect(rig.current()).not.toBe(before)
    expect(rig.current().tokens).toEqual(before!.tokens.slice(-1))
    expect(seen).toEqual([rig.current()])
  })

  test('marks the identity at the first write, of the older mutators too', async () => {
    const rig = await zeroRig()
    const marked = vi.spyOn(rig.auth, 'markWritten')
    expect(rig.current().mutate('one')).toMatchObject({ text: 'one' })
    expect(await rig.current().mutate.note.insert({ id: 1 })).toEqual({ id: 1 })
    expect(marked).toHaveBeenCalledOnce()
    const other = await zeroRig()
    const alsoMarked = vi.spyOn(other.auth, 'markWritten')
    await other.current().mutate.note.insert({ id: 1 })
    expect(alsoMarked).toHaveBeenCalledOnce()
  })
})

describe('a refusal', () => {
  test('pauses, and one fresh token is put into the same client', async () => {
    const rig = await connected()
    const zero = rig.current()
    zero.refuse('expired')
    await rest()
    expect(zero.tokens).toHaveLength(2)
    expect(rig.auth.getState().error).toBe('expired')
    zero.show('connected')
    await rig.time.advance(SECOND)
    expect([status(rig), rig.kinds, rig.auth.getState().error]).toEqual(['connected', [], undefined])
    expect([rig.zeros.length, zero.isClosed]).toEqual([1, false])
  })

  test('of the fresh token too is reported, and a write of that time is kept', async () => {
    const rig = await connected()
    const zero = rig.current()
    zero.refuse('invalid')
    await rest()
    zero.refuse('invalid')
    expect(zero.tokens.slice(1)).toEqual([zero.tokens[1], zero.tokens[1]])
    zero.refuse('invalid')
    await rest()
    expect([status(rig), rig.kinds]).toEqual(['paused', ['UNAUTHORIZED']])
    zero.mutate('during 401')
    await rig.time.advance(10 * MINUTE)
    expect([rig.zeros.length, zero.isClosed]).toEqual([1, false])
  })

  test('that is reported comes with the session that has the client', async () => {
    const handed: unknown[] = []
    const rig = await connected({ onSessionError: (_, session) => handed.push(session) })
    for (const _ of [1, 2, 3]) {
      rig.current().refuse('invalid')
      await rest()
    }
    expect([rig.kinds, handed]).toEqual([['UNAUTHORIZED'], [rig.session]])
  })

  test('that follows within a second was no acceptance: the next token waits for the backoff', async () => {
    const rig = await connected()
    const zero = rig.current()
    zero.refuse('invalid')
    await rest()
    for (let attempt = 0; attempt < 4; attempt++) {
      zero.show('connected')
      zero.refuse('invalid')
      await rest()
    }
    // The fresh token, once more in case the answer was about the one before.
    expect(zero.tokens).toHaveLength(3)
  })

  test('without a reason from the server is UNAUTHORIZED', async () => {
    const rig = await connected()
    rig.current().show('needs-auth', { type: 'mutate', status: 403, body: '<html>' })
    await rest()
    expect(rig.auth.getState().error).toBe('invalid')
  })

  test('of a request that was sent before there was a token says nothing', async () => {
    const rig = await zeroRig()
    const zero = rig.current()
    zero.refuse('missing')
    await rest()
    expect(zero.tokens).toHaveLength(2)
    expect(zero.tokens[1]).toBe(zero.tokens[0])
    expect(rig.auth.getState().error).toBeUndefined()
    zero.refuse('missing')
    await rest()
    expect(rig.auth.getState().error).toBe('missing')
  })

  test('is no refusal: a server fault (503) is tried again with a backoff', async () => {
    const rig = await connected()
    const zero = rig.current()
    zero.show('error', 'Fetch from API server returned non-OK status 503')
    expect([zero.connects, status(rig)]).toEqual([1, 'connecting'])
    await rig.time.advance(MINUTE)
    expect(zero.connects).toBe(2)
    zero.show('connected')
    await rig.time.advance(SECOND)
    expect([status(rig), rig.kinds]).toEqual(['connected', []])
  })
})

describe('the end', () => {
  test('`disconnect` leaves the client open', async () => {
    const rig = await connected()
    rig.session.disconnect()
    await rig.time.advance(MINUTE)
    expect(rig.current().isClosed).toBe(false)
  })

  test('a sign-out hides the client at once, and closes it when its last write is stored', async () => {
    const rig = await connected()
    const zero = rig.current()
    await rig.time.advance(SECOND)
    zero.mutate('the last')
    await rig.auth.signOut()
    await rest()
    expect([rig.session.zero.get(), zero.isClosed]).toEqual([null, false])
    await rig.time.advance(PERSIST_MS - 1)
    expect(zero.isClosed).toBe(false)
    await rig.time.advance(1)
    expect(zero.isClosed).toBe(true)
    expect(zero.isDeleted).toBe(false)
  })

  test('a client that is replaced after a sign-out is closed too', async () => {
    const rig = await connected()
    const zero = rig.current()
    zero.mutate('the last')
    await rig.auth.signOut()
    await rest()
    zero.input.onClientStateNotFound()
    await rig.time.advance(PERSIST_MS)
    expect(rig.zeros.map(({ isClosed }) => isClosed)).toEqual([true, true])
    expect(rig.session.zero.get()).toBe(null)
  })

  test('without a write a sign-out closes the client at once', async () => {
    const rig = await connected()
    const zero = rig.current()
    await rig.auth.signOut()
    await rest()
    expect(zero.isClosed).toBe(true)
  })

  test("another user has a client and a storage of their own, and the first one's gets no token of theirs", async () => {
    const rig = await connected()
    const zero = rig.current()
    zero.mutate('of the first')
    await rig.auth.signOut()
    await rig.auth.ensureIdentity()
    await rest()
    expect(rig.current().input.userID).toBe(rig.principal())
    expect(rig.current().input.userID).not.toBe(zero.input.userID)
    expect(zero.tokens).toHaveLength(1)
    expect(rig.current().tokens.map((token) => claimsOf(token)['sub'])).toEqual([rig.principal()])
    expect(rig.faults).toEqual([])
  })

  test('the same user comes back before the close: the client goes on', async () => {
    const rig = await connected()
    const zero = rig.current()
    zero.mutate('the last')
    const before = rig.principal()
    await rig.auth.signOut()
    await rig.auth.ensureIdentity({ resume: before })
    await rest()
    await rig.time.advance(MINUTE)
    expect(rig.current()).toBe(zero)
    expect([rig.zeros.length, zero.isClosed]).toEqual([1, false])
  })

  test('`end` closes the client, and `start` creates one before there is a token', async () => {
    const rig = await connected()
    const zero = rig.current()
    await rig.session.end()
    expect([rig.session.zero.get(), zero.isClosed, status(rig)]).toEqual([null, true, 'ended'])
    await rig.session.start()
    await rest()
    expect(rig.current().input.userID).toBe(rig.principal())
    expect(rig.current().tokens).toHaveLength(1)
  })

  test('`end` leaves no subscription, and `start` follows the user again', async () => {
    const { auth, time } = await zeroRig()
    let subscriptions = 0
    const counted: typeof auth = {
      ...auth,
      subscribe(listener) {
        const stop = auth.subscribe(listener)
        subscriptions++
        return () => (stop(), void subscriptions--)
      },
    }
    const session = connectZero(counted, {
      clock: time.clock,
      timer: time.timer,
      zero: (input) => new TestZero(input),
    })
    await session.ready
    await session.end()
    expect(subscriptions).toBe(0)
    await session.start()
    await auth.signOut()
    await auth.ensureIdentity()
    await rest()
    expect(session.zero.get()!.input.userID).toBe(auth.getState().session!.principal)
    await session.end()
    expect(subscriptions).toBe(0)
  })

  test('a session that its handler ends closes the client', async () => {
    let answer = (): Promise<string | null> => Promise.reject(new LatchkeyError('OFFLINE'))
    const rig = await zeroRig({ refresh: { handler: () => answer() } })
    const zero = rig.current()
    answer = () => rig.auth.getToken()
    await rig.time.advance(MINUTE)
    expect([zero.tokens.length, status(rig)]).toEqual([1, 'connecting'])
    answer = async () => null
    await rig.time.advance(30 * MINUTE)
    expect([status(rig), rig.session.zero.get(), zero.isClosed]).toEqual(['ended', null, true])
  })

  test('`clear` deletes what is stored, also after a sign-out, and goes on with another client', async () => {
    const rig = await connected()
    await rig.session.clear()
    const [first, second] = rig.zeros
    expect([first!.isDeleted, rig.current() === second]).toEqual([true, true])
    await rig.auth.signOut()
    await rig.session.end()
    await rig.session.clear()
    expect([second!.isDeleted, rig.session.zero.get(), rig.zeros.length]).toEqual([true, null, 2])
  })
})

describe('`clear` of a running session', () => {
  test('goes on with the same token in another client', async () => {
    const rig = await connected()
    await rig.session.clear()
    const [first, second] = rig.zeros
    expect(second!.tokens).toEqual(first!.tokens)
    second!.refuse('expired')
    second!.refuse('expired')
    await rest()
    expect([second!.tokens.length, rig.auth.getState().error]).toEqual([3, 'expired'])
    second!.show('connected')
    await rig.time.advance(SECOND)
    expect([status(rig), rig.zeros.length]).toEqual(['connected', 2])
  })

  test('that was disconnected sends nothing', async () => {
    const rig = await connected()
    rig.session.disconnect()
    await rig.session.clear()
    expect(rig.current().tokens).toEqual([])
  })

  test.each([
    ['rejects', () => Promise.reject(new Error('blocked'))],
    ['resolves with errors', () => Promise.resolve({ deleted: [], errors: [new Error('blocked')] })],
  ])('that fails is reported, and goes on with another client too, where Zero %s', async (_, fail) => {
    const rig = await connected()
    rig.current().delete = fail
    await expect(rig.session.clear()).rejects.toThrow('blocked')
    expect([rig.zeros.length, rig.current() === rig.zeros[1]]).toEqual([2, true])
    expect(rig.current().tokens).toEqual(rig.zeros[0]!.tokens)
  })

  test('that fails after a sign-out can be tried again', async () => {
    const rig = await connected()
    const zero = rig.current()
    await rig.auth.signOut()
    await rest()
    vi.spyOn(zero, 'delete').mockRejectedValueOnce(new Error('blocked'))
    await expect(rig.session.clear()).rejects.toThrow('blocked')
    await rig.session.clear()
    expect(zero.isDeleted).toBe(true)
  })

  test('that does not end is given up after half a minute, and holds back no other user', async () => {
    const rig = await connected()
    const first = rig.principal()
    let finish = (): void => {}
    rig.current().delete = () => new Promise<void>((resolve) => (finish = resolve))
    const failed = expect(rig.session.clear()).rejects.toMatchObject({ code: 'OFFLINE' })
    await rig.time.advance(30 * SECOND)
    await failed
    // A late deletion would take what another client of the same user has written.
    expect([rig.zeros.length, rig.session.zero.get()]).toEqual([1, null])
    await rig.auth.signOut()
    await rig.auth.ensureIdentity()
    await rest()
    expect([rig.zeros.length, rig.current().input.userID]).toEqual([2, rig.principal()])
    await rig.auth.signOut()
    await rig.auth.ensureIdentity({ resume: first })
    await rest()
    expect(rig.session.zero.get()).toBe(null)
    finish()
    await rest()
    expect([rig.zeros.length, rig.current().input.userID]).toEqual([3, first])
  })

  test('creates no client before the deletion is over, also for a connection of that time', async () => {
    const rig = await connected()
    let finish = (): void => {}
    rig.current().delete = () => new Promise<void>((resolve) => (finish = resolve))
    const cleared = rig.session.clear()
    rig.session.disconnect()
    rig.session.connect()
    await rig.auth.upgrade(() => rig.account.signUp('ada'))
    await rest()
    expect([rig.zeros.length, rig.session.zero.get()]).toEqual([1, null])
    finish()
    await cleared
    expect(rig.zeros.length).toBe(2)
    expect(claimsOf(rig.current().tokens.at(-1)!)).toMatchObject({ auth_mode: 'external' })
  })
})

describe('an adoption', () => {
  test("sends what the alias's client has not sent, with the token of the account", async () => {
    const { zeros, alias, principal, current } = await adopted()
    const [zero] = zeros
    expect(principal()).not.toBe(alias)
    expect(current().input.userID).toBe(principal())
    expect(claimsOf(zero!.tokens.at(-1)!)).toMatchObject({ sub: principal(), auth_mode: 'external' })
    expect(zero!.input.mutateHeaders).toEqual({ 'x-latchkey-principal': alias })
    expect(zero!.isClosed).toBe(false)
  })

  test("closes the alias's client after its writes were answered and half a minute of connection, not before", async () => {
    const { zeros, time } = await adopted()
    const [zero] = zeros
    await time.advance(10 * DRAIN_MS)
    expect(zero!.isClosed).toBe(false)
    zero!.answers.forEach((answer) => answer())
    zero!.show('connecting')
    await time.advance(10 * DRAIN_MS)
    expect(zero!.isClosed).toBe(false)
    zero!.show('connected')
    await time.advance(DRAIN_MS)
    expect(zero!.isClosed).toBe(false)
    await time.advance(DRAIN_MS)
    expect([zero!.isClosed, zero!.isDeleted]).toEqual([true, false])
  })

  test('a sign-out ends both clients', async () => {
    const { zeros, auth, time } = await adopted()
    await auth.signOut()
    await time.advance(PERSIST_MS)
    expect(zeros.map(({ isClosed }) => isClosed)).toEqual([true, true])
  })

  test('says so when zero-cache does not pass on whose client it is', async () => {
    const rig = await adopted()
    const refuse = (): void => rig.zeros[0]!.show('needs-auth', { type: 'zero-cache', reason: 'Unauthorized' })
    refuse()
    expect(rig.zeros[0]!.tokens.slice(-2)).toEqual(Array(2).fill(rig.current().tokens.at(-1)))
    refuse()
    expect(rig.faults).toMatchObject([{ code: 'PRINCIPAL_MISMATCH' }])
    expect(status(rig)).not.toBe('paused')
  })

  test('an alias whose data is stored here is opened at the next start', async () => {
    const { auth, alias } = await adopted()
    const databases = vi.fn(async () => [{ name: `rep:zero-${alias}-abc123:1` }, { name: 'rep:zero-other-abc:1' }])
    vi.stubGlobal('indexedDB', { databases })
    const zeros: TestZero[] = []
    const session = connectZero(auth, { zero: (input) => (zeros.push(new TestZero(input)), zeros.at(-1)!) })
    await session.ready
    await rest()
    vi.unstubAllGlobals()
    expect(zeros.map(({ input }) => input.userID)).toEqual([auth.getState().session!.principal, alias])
    expect(zeros[1]!.tokens).toEqual(zeros[0]!.tokens)
    await session.end()
  })
})

test('an option that is no function is refused', async () => {
  const { auth } = await zeroRig()
  expect(() => connectZero(auth, {} as never)).toThrow(TypeError)
})
