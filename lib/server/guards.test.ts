import { describe, expect, expectTypeOf, test, vi } from 'vitest'
import { LatchkeyError, isLatchkeyError } from '../errors.ts'
import type { AnonymousWriteDenied, WriteAttempt } from '../anonymous-write.ts'
import { type WriterSession, owns, requireWriter } from './guards.ts'
import { createSessionResolver } from './resolver.ts'
import { toResponse } from './response.ts'
import { ANONYMOUS } from './session.ts'
import type { ServerSession } from './types.ts'

const WRITER: ServerSession = { authMode: 'external', principal: 'p', principals: ['p', 'alias'], claims: {} }
const ATTEMPT: WriteAttempt = { resource: 'notes', operation: 'insert' }

function denialOf(session: ServerSession, attempt = ATTEMPT): AnonymousWriteDenied {
  try {
    requireWriter(session, attempt)
  } catch (error) {
    return error as AnonymousWriteDenied
  }
  throw new Error('not denied')
}

describe('requireWriter', () => {
  test.each(['local-first', 'external'] as const)('lets a %s session write', (authMode) => {
    expect(() => requireWriter({ ...WRITER, authMode }, ATTEMPT)).not.toThrow()
  })

  test.each(['insert', 'update', 'delete'] as const)(
    'denies an anonymous %s, and says what was tried (checklist 3: AnonymousWriteDenied with operation and resource)',
    (operation) => {
      const denial = denialOf(ANONYMOUS, { resource: 'notes', operation })
      expect(denial).toBeInstanceOf(LatchkeyError)
      expect(isLatchkeyError(denial, 'ANONYMOUS_WRITE_DENIED')).toBe(true)
      expect(denial).toMatchObject({ resource: 'notes', operation })
      expect(denial.message).toContain(`${operation} on notes`)
    },
  )

  test.each([undefined, '', null])('denies a session whose principal is %j', (principal) => {
    expect(denialOf({ ...WRITER, principal: principal as never }).code).toBe('ANONYMOUS_WRITE_DENIED')
  })

  test.each(['anonymous', 'admin', undefined])('denies a principal with the mode %j', (authMode) => {
    expect(denialOf({ ...WRITER, authMode: authMode as never }).code).toBe('ANONYMOUS_WRITE_DENIED')
  })

  test('denies what is no session', () => {
    expect(denialOf({ ok: true, session: WRITER } as never).code).toBe('ANONYMOUS_WRITE_DENIED')
  })

  test('is answered with 403, and a challenge of RFC 6750', async () => {
    const response = toResponse(denialOf(ANONYMOUS))
    expect(response.status).toBe(403)
    expect(response.headers.get('www-authenticate')).toBe('Bearer error="insufficient_scope"')
    expect(await response.json()).toEqual({ error: 'refused', code: 'ANONYMOUS_WRITE_DENIED', ...ATTEMPT })
  })

  test.each(['insert', 'update', 'delete'] as const)(
    'denies an anonymous %s before the policy runs, and tells the client what was tried (checklist 3: before any policy runs, as far as the client)',
    async (operation) => {
      const policy = vi.fn(() => true)
      const handle = async (request: Request): Promise<Response> => {
        const resolution = await createSessionResolver({}).resolve(request)
        if (!resolution.ok) return resolution.response()
        try {
          requireWriter(resolution.session, { resource: 'notes', operation })
          return Response.json(policy())
        } catch (error) {
          return toResponse(error as LatchkeyError)
        }
      }
      const answer = await handle(new Request('https://notes.example/', { method: 'POST', body: '{}' }))
      expect([answer.status, await answer.json()]).toEqual([
        403,
        { error: 'refused', code: 'ANONYMOUS_WRITE_DENIED', operation, resource: 'notes' },
      ])
      expect(policy).not.toHaveBeenCalled()
    },
  )

  test('tells the compiler that there is a principal', () => {
    const session: ServerSession = WRITER
    expectTypeOf(session.principal).toEqualTypeOf<string | null>()
    requireWriter(session, ATTEMPT)
    expectTypeOf(session).toExtend<WriterSession>()
    expectTypeOf(session.principal).toEqualTypeOf<string>()
    expectTypeOf(denialOf).returns.toHaveProperty('operation').toEqualTypeOf<'insert' | 'update' | 'delete'>()
    expectTypeOf(denialOf).returns.toHaveProperty('code').toEqualTypeOf<'ANONYMOUS_WRITE_DENIED'>()
    // @ts-expect-error — reading is no write
    expectTypeOf(requireWriter).toBeCallableWith(session, { resource: 'notes', operation: 'read' })
  })
})

describe('owns', () => {
  test.each([
    ['the canonical principal', 'p', true],
    ['an alias', 'alias', true],
    ['another user', 'q', false],
    ['another case', 'P', false],
    ['a part of it', 'ali', false],
    ['an empty text', '', false],
    ['null, as in a row without owner', null, false],
    ['undefined', undefined, false],
  ])('for %s', (_, owner, expected) => {
    expect(owns(WRITER, owner)).toBe(expected)
  })

  test.each([null, undefined, ''])('is false for %j, whatever a session that was not made here holds', (owner) => {
    expect(owns({ ...WRITER, principals: [null as never, undefined as never, ''] }, owner)).toBe(false)
  })

  test.each([null, undefined, '', 'p'])('is false for an anonymous session and %j', (owner) => {
    expect(owns(ANONYMOUS, owner)).toBe(false)
  })
})
