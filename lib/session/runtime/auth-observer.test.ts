import { beforeEach, describe, expect, test, vi } from 'vitest'
import { createSecret, formatSecret } from '../../identity/secret.ts'
import { memoryStore } from '../../keystore/memory.ts'
import { LatchkeyError } from '../../errors.ts'
import type { ConnectedSession } from '../connected-session.ts'
import type { SessionAuth } from '../options.ts'
import {
  claimsOf,
  HOUR,
  MINUTE,
  anonymousAuth,
  rest,
  testIdentity,
  testSession,
  testTransport,
  testSource,
  testTime,
} from '../session.testing.ts'

// The longest waits.
beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(1))

describe('an upgrade', () => {
  test('goes on with the same session and principal, live', async () => {
    const time = testTime()
    const { auth, account, principal } = await testIdentity(time)
    const transport = testTransport()
    const { session, kinds } = await testSession(time, auth, transport)
    const before = principal()
    const states: unknown[] = []
    session.subscribe(() => states.push(session.getState()))
    await auth.upgrade(() => account.signUp('ada'))
    await rest()
    expect(auth.getState().authMode).toBe('external')
    expect(transport.calls).toEqual([`connect of ${before}`, `update of ${before}`])
    expect(claimsOf(transport.token()!)).toMatchObject({ auth_mode: 'external', sub: before })
    expect(states).toEqual([])
    expect(kinds).toEqual([])
  })

  test('that brings roles is a new session of the same principal, not ROLES_MISMATCH', async () => {
    const time = testTime()
    const { auth, account, server, principal } = await testIdentity(time)
    const transport = testTransport()
    const { kinds, session } = await testSession(time, auth, transport)
    await auth.upgrade(async () => {
      const signedUp = await account.signUp('ada')
      server.accounts.get('ada')!.claims = { role: 'editor' }
      return signedUp
    })
    await rest()
    expect(transport.calls).toEqual([`connect of ${principal()}`, 'disconnect ended', `connect of ${principal()}`])
    expect(kinds).toEqual([])
    expect(session.getState()).toEqual({ status: 'connected', principal: principal() })
  })

  test('whose first token cannot be had yet stays connected, and takes it later', async () => {
    const time = testTime()
    const { auth, account } = await testIdentity(time)
    const transport = testTransport()
    const { session } = await testSession(time, auth, transport)
    await auth.upgrade(async () => {
      const signedUp = await account.signUp('ada')
      account.provider.getToken = (
        (real) => async () =>
          account.online ? real() : Promise.reject(new Error('down'))
      )(account.provider.getToken)
      return signedUp
    })
    account.online = false
    await time.advance(MINUTE)
    expect(session.getState().status).toBe('connected')
    account.online = true
    await time.advance(5 * MINUTE)
    expect(claimsOf(transport.token()!)).toMatchObject({ auth_mode: 'external' })
  })

  test('after which the old token is refused says nothing against the account', async () => {
    const time = testTime()
    const { auth, account, principal } = await testIdentity(time)
    const transport = testTransport()
    const { session, kinds } = await testSession(time, auth, transport)
    let answer = (): void => {}
    const { getToken } = account.provider
    account.provider.getToken = async () => {
      await new Promise<void>((resolve) => (answer = resolve))
      return getToken()
    }
    await auth.upgrade(() => account.signUp('ada'))
    await rest()
    transport.connection().rejected('disabled')
    expect(auth.getState().error).toBeUndefined()
    answer()
    await rest()
    expect(session.getState()).toEqual({ status: 'connected', principal: principal() })
    expect(claimsOf(transport.token()!)).toMatchObject({ auth_mode: 'external' })
    expect(kinds).toEqual([])
  })

  test('after which the old token is taken says nothing for the account', async () => {
    const time = testTime()
    const { auth, account } = await testIdentity(time)
    const transport = testTransport()
    await testSession(time, auth, transport)
    await time.advance(MINUTE)
    transport.answer = () => 'silence'
    transport.connection().rejected('expired')
    await rest()
    account.provider.getToken = () => new Promise(() => {})
    await auth.upgrade(() => account.signUp('ada'))
    auth.reportToken('expired')
    await rest()
    transport.connection().accepted()
    expect(auth.getState()).toMatchObject({ authMode: 'external', error: 'expired' })
  })

  test('resumes a session whose local-first tokens were refused as disabled', async () => {
    const time = testTime()
    const { auth, account, principal } = await testIdentity(time)
    const transport = testTransport()
    const { session } = await testSession(time, auth, transport)
    transport.answer = (token) => (claimsOf(token)['auth_mode'] === 'external' ? 'accept' : 'disabled')
    transport.connection().rejected('disabled')
    await time.advance(HOUR)
    await auth.upgrade(() => account.signUp('ada'))
    await rest()
    expect(session.getState()).toEqual({ status: 'connected', principal: principal() })
    expect(auth.getState().error).toBeUndefined()
  })
})

describe('the current principal', () => {
  test('comes: the session that waited for it starts', async () => {
    const time = testTime()
    const { auth, principal } = await testIdentity(time, { initialMode: 'anonymous' })
    const transport = testTransport()
    await testSession(time, auth, transport)
    expect(transport.calls).toEqual([])
    await auth.ensureIdentity()
    await rest()
    expect(transport.calls).toEqual([`connect of ${principal()}`])
  })

  test('goes: a sign-out ends the session at once, and local data stays', async () => {
    const time = testTime()
    const { auth, principal } = await testIdentity(time)
    const transport = testTransport()
    const { session } = await testSession(time, auth, transport)
    const before = principal()
    await auth.signOut()
    expect(transport.calls).toEqual([`connect of ${before}`, 'disconnect ended'])
    expect(session.getState()).toEqual({ status: 'waiting', principal: null })
    await time.advance(HOUR)
    expect(transport.calls).toHaveLength(2)
    expect(time.waiting()).toBe(0)
  })

  test("comes back: the same person's session starts again", async () => {
    const time = testTime()
    const { auth, principal } = await testIdentity(time)
    const transport = testTransport()
    await testSession(time, auth, transport)
    const before = principal()!
    await auth.signOut()
    await auth.ensureIdentity({ resume: before })
    await rest()
    expect(transport.calls).toEqual([`connect of ${before}`, 'disconnect ended', `connect of ${before}`])
  })

  test('changes: the session of another one starts, on a transport that keeps nothing (checklist 11: a change of principal means a new client)', async () => {
    const time = testTime()
    const { auth, principal } = await testIdentity(time)
    const transport = testTransport(['clear'])
    const { session } = await testSession(time, auth, transport)
    const before = principal()
    await auth.signOut()
    await auth.ensureIdentity()
    await rest()
    expect(principal()).not.toBe(before)
    expect(transport.calls).toEqual([`connect of ${before}`, 'disconnect ended', `connect of ${principal()}`])
    expect(session.getState().principal).toBe(principal())
  })

  test('changes: on a transport that keeps data nothing starts unless the app said what becomes of it', async () => {
    const time = testTime()
    const { auth, principal } = await testIdentity(time)
    const transport = testTransport()
    const { session } = await testSession(time, auth, transport)
    const before = principal()
    await auth.signOut()
    await auth.ensureIdentity()
    await rest()
    expect(transport.calls).toEqual([`connect of ${before}`, 'disconnect ended'])
    expect(session.getState()).toEqual({ status: 'ended', principal: null })
    await session.clear()
    await session.start()
    await rest()
    expect(transport.calls.slice(2)).toEqual(['clear', `connect of ${principal()}`])
  })

  test('changes: on a transport that keeps data without a beforeRestart the app hears of PRINCIPAL_MISMATCH', async () => {
    const time = testTime()
    const { auth } = await testIdentity(time)
    const { session, faults } = await testSession(time, auth, testTransport())
    await auth.signOut()
    await auth.ensureIdentity()
    await rest()
    expect(session.getState().status).toBe('ended')
    expect(faults).toMatchObject([{ code: 'PRINCIPAL_MISMATCH' }])
  })

  test.each([
    ['before the first connection', async () => {}],
    ['after a clear in the middle of it', (session: ConnectedSession) => session.clear()],
  ])('changes: what was written locally %s is data of its principal', async (when, act) => {
    const time = testTime()
    const { auth, account } = await testIdentity(time)
    const transport = testTransport()
    const source = testSource(time.clock, auth.getState().session?.principal)
    if (when.startsWith('before')) source.answer = () => Promise.reject(new LatchkeyError('OFFLINE'))
    const { session, faults } = await testSession(time, auth, transport, { refresh: source })
    await act(session)
    transport.calls.length = 0
    account.online = true
    await auth.signOut()
    await auth.ensureIdentity()
    await time.advance(MINUTE)
    expect(transport.calls.filter((call) => !call.startsWith('disconnect'))).toEqual([])
    expect(session.getState().status).toBe('ended')
    expect(faults.at(-1)).toMatchObject({ code: 'PRINCIPAL_MISMATCH' })
  })

  test('changes: data in memory is data: a transport that cannot clear it stops too', async () => {
    const time = testTime()
    const { auth, principal } = await testIdentity(time)
    const transport = testTransport(['clear'], 'data')
    const { session } = await testSession(time, auth, transport)
    const before = principal()
    await auth.signOut()
    await auth.ensureIdentity()
    await rest()
    expect(transport.calls).toEqual([`connect of ${before}`, 'disconnect ended'])
    expect(session.getState()).toEqual({ status: 'ended', principal: null })
  })

  test('changes: beforeRestart clears, and is waited for', async () => {
    const time = testTime()
    const { auth, principal } = await testIdentity(time)
    const transport = testTransport()
    const changes: unknown[] = []
    await testSession(time, auth, transport, {
      async beforeRestart(change, session) {
        changes.push(change)
        await session.clear()
      },
    })
    const before = principal()
    await auth.signOut()
    await auth.ensureIdentity()
    await rest()
    expect(changes).toEqual([{ from: before, to: principal() }])
    expect(transport.calls).toEqual([`connect of ${before}`, 'disconnect ended', 'clear', `connect of ${principal()}`])
  })

  test('changes: a beforeRestart that fails starts nothing', async () => {
    const time = testTime()
    const { auth, principal } = await testIdentity(time)
    const transport = testTransport()
    const { session, faults } = await testSession(time, auth, transport, {
      beforeRestart: () => Promise.reject(new Error('disk')),
    })
    const before = principal()
    await auth.signOut()
    await auth.ensureIdentity()
    await rest()
    expect(faults).toEqual([new Error('disk')])
    expect(transport.calls).toEqual([`connect of ${before}`, 'disconnect ended'])
    expect(session.getState().status).toBe('ended')
  })

  test('changes while the app still decides: only the last one counts', async () => {
    const time = testTime()
    const { auth, principal } = await testIdentity(time)
    const transport = testTransport()
    const decisions: (() => void)[] = []
    await testSession(time, auth, transport, {
      beforeRestart: () => new Promise<void>((resolve) => decisions.push(resolve)),
    })
    const first = principal()
    await auth.signOut()
    await auth.ensureIdentity()
    await auth.signOut()
    await auth.ensureIdentity()
    await rest()
    for (const decide of decisions) decide()
    await rest()
    expect(decisions).toHaveLength(2)
    expect(transport.calls).toEqual([`connect of ${first}`, 'disconnect ended', `connect of ${principal()}`])
  })

  test("changes: a guest's session gives way to it", async () => {
    const time = testTime()
    const { auth, principal } = await testIdentity(time, { initialMode: 'anonymous' })
    const transport = testTransport(['clear'])
    await testSession(time, auth, transport, { token: testSource(time.clock, 'guest').next({ jti: 'guest' }) })
    await auth.ensureIdentity()
    await rest()
    expect(transport.calls).toEqual(['connect guest', 'disconnect ended', `connect of ${principal()}`])
  })

  test('changes in another tab: the token before is not used any more', async () => {
    const time = testTime()
    const keystore = memoryStore()
    const tab = await testIdentity(time, {}, keystore)
    const other = await testIdentity(time, {}, keystore)
    const transport = testTransport(['clear'])
    await testSession(time, tab.auth, transport)
    await other.auth.signOut()
    await other.auth.ensureIdentity()
    // What another tab did is seen as soon as the record is read again.
    await tab.auth.ensureIdentity()
    await rest()
    expect(tab.principal()).toBe(other.principal())
    expect(claimsOf(transport.token()!)['sub']).toBe(other.principal())
    expect(transport.calls.filter((call) => call === 'disconnect ended')).toHaveLength(1)
  })

  test('changes while a token is on its way: that one never reaches the transport', async () => {
    const time = testTime()
    const { auth, account, server, principal } = await testIdentity(time)
    await auth.upgrade(() => account.signUp('ada'))
    const transport = testTransport(['clear'])
    await testSession(time, auth, transport)
    const before = principal()
    let answer = (): void => {}
    const { getToken } = account.provider
    account.provider.getToken = async () => {
      const token = await getToken()
      await new Promise<void>((resolve) => (answer = resolve))
      return token
    }
    await time.advance(14 * MINUTE)
    server.accounts.clear()
    await auth.signOut()
    await auth.ensureIdentity()
    answer()
    await rest()
    expect(transport.calls).toEqual([`connect of ${before}`, 'disconnect ended', `connect of ${principal()}`])
  })
})

test('a session survives a reload (checklist 20: sessions survive reload)', async () => {
  const time = testTime()
  const keystore = memoryStore()
  const first = await testIdentity(time, {}, keystore)
  await testSession(time, first.auth, testTransport())
  const second = await testIdentity(time, {}, keystore)
  const transport = testTransport()
  const { session } = await testSession(time, second.auth, transport)
  expect(session.getState()).toEqual({ status: 'connected', principal: first.principal() })
})

test('tokens that the app gives are measured against the current identity', async () => {
  const time = testTime()
  const { auth, principal } = await testIdentity(time)
  const transport = testTransport()
  const { session } = await testSession(time, auth, transport)
  await expect(session.update(testSource(time.clock, 'eve').next())).rejects.toMatchObject({
    code: 'PRINCIPAL_MISMATCH',
  })
  await session.update(testSource(time.clock, principal()).next())
  expect(transport.calls).toEqual([`connect of ${principal()}`, 'update one'])
})

test('two sessions on one identity live side by side', async () => {
  const time = testTime()
  const { auth, principal } = await testIdentity(time)
  const [one, other] = [testTransport(), testTransport()]
  await testSession(time, auth, one)
  const { session } = await testSession(time, auth, other)
  await session.end()
  expect(one.calls).toEqual([`connect of ${principal()}`])
  expect(other.calls).toEqual([`connect of ${principal()}`, 'disconnect ended'])
})

test('an adapter may mark local data through the auth of a session: a sign-in then asks instead of switching', async () => {
  const time = testTime()
  const { auth, account, server } = await testIdentity(time)
  await auth.upgrade(() => account.signUp('ada'))
  const device = await testIdentity(time, {}, memoryStore(), server)
  const given: SessionAuth = device.auth
  await given.markWritten?.()
  await device.auth.upgrade(() => device.account.signIn('ada'))
  expect(device.auth.getState().phase).toBe('conflict')
})

test('an anonymous identity needs no session', async () => {
  const time = testTime()
  const { session } = await testSession(time, await anonymousAuth(time), testTransport())
  await time.advance(HOUR)
  expect(session.getState()).toEqual({ status: 'waiting', principal: null })
  expect(time.waiting()).toBe(0)
})

test('a session that the app ends when it hears of another principal stays ended, and keeps its data', async () => {
  const time = testTime()
  const { auth } = await testIdentity(time)
  const beforeRestart = vi.fn()
  let end = async (): Promise<void> => {}
  // Before the session, so that it is called first.
  auth.subscribe(() => void end())
  // An emitter that goes through a copy of its listeners still calls one that was removed meanwhile.
  const copying: typeof auth = { ...auth, subscribe: (listener) => (auth.subscribe(listener), () => {}) }
  const transport = testTransport()
  const { session } = await testSession(time, copying, transport, { beforeRestart })
  end = () => session.end()
  await auth.importSecret(formatSecret(createSecret()), { replace: true })
  await rest()
  expect(beforeRestart).not.toHaveBeenCalled()
  expect(session.getState().status).toBe('ended')
  expect(transport.calls.filter((call) => call.startsWith('connect'))).toHaveLength(1)
})
