import { describe, expect, test } from 'vitest'
import { isLatchkeyError } from '../errors.ts'
import { requireWriter } from './require-writer.ts'
import { anonymousAuth, testIdentity, testSession, testSource, testTime, testTransport } from './session.testing.ts'

const ATTEMPT = { resource: 'notes', operation: 'insert' } as const

function thrownBy(call: () => unknown): unknown {
  try {
    return call()
  } catch (error) {
    return error
  }
}

describe('before a write on the client', () => {
  test('an anonymous user is refused by name, with resource and operation (checklist 3: on the client, before anything is sent)', async () => {
    const auth = await anonymousAuth(testTime())
    const error = thrownBy(() => requireWriter(auth, ATTEMPT))
    expect(isLatchkeyError(error, 'ANONYMOUS_WRITE_DENIED')).toBe(true)
    expect(error).toMatchObject(ATTEMPT)
  })

  test('a device and an account get the principal that owns the write', async () => {
    const { auth, account, principal } = await testIdentity(testTime())
    expect(requireWriter(auth, ATTEMPT)).toBe(principal())
    await auth.upgrade(() => account.signUp('ada'))
    expect(requireWriter(auth, ATTEMPT)).toBe(principal())
    await auth.signOut()
    expect(thrownBy(() => requireWriter(auth, ATTEMPT))).toMatchObject({ code: 'ANONYMOUS_WRITE_DENIED' })
  })

  test("a session on a provider's tokens is a writer while it has a principal", async () => {
    const time = testTime()
    const { session } = await testSession(time, await anonymousAuth(time), testTransport())
    expect(thrownBy(() => requireWriter(session, ATTEMPT))).toMatchObject({ code: 'ANONYMOUS_WRITE_DENIED' })
    await session.start(testSource(time.clock).next())
    expect(requireWriter(session, ATTEMPT)).toBe('ada')
    await session.end()
    expect(thrownBy(() => requireWriter(session, ATTEMPT))).toMatchObject(ATTEMPT)
  })
})
