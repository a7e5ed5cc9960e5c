import { fc } from '../seeded.testing.ts'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { matches } from './guards.ts'
import { type ClaimPattern, type ClaimsPattern, type Roles, matchClaims } from '../claim-pattern.ts'
import { requireSameSession, rolesOf } from './roles.ts'
import { ANONYMOUS } from './session.ts'
import type { ServerSession } from './types.ts'

const ADA: ServerSession = {
  authMode: 'external',
  principal: 'ada',
  principals: ['ada', 'old'],
  claims: { sub: 'ada', type: 'user', org: { id: 'o1', roles: ['admin', 'member'] } },
}
const ROLES: Roles = {
  admin: { match: { type: 'admin' } },
  user: { match: { type: 'user', sub: '$userId' } },
  member: { match: { org: { id: '$orgId' } } },
  everybody: { match: {} },
}

describe('matchClaims', () => {
  test.each<[string, ClaimsPattern, Record<string, unknown>, unknown]>([
    ['an equal claim', { type: 'admin' }, { type: 'admin', more: 1 }, {}],
    ['another value', { type: 'admin' }, { type: 'user' }, null],
    ['a missing claim', { type: 'admin' }, {}, null],
    ['no claim at all', {}, { a: 1 }, {}],
    ['a wildcard (checklist 25: binds the user)', { sub: '$userId' }, { sub: '123' }, { userId: '123' }],
    ['a wildcard over a number', { sub: '$userId' }, { sub: 123 }, { userId: 123 }],
    ['a wildcard over an object', { org: '$org' }, { org: { id: 1 } }, { org: { id: 1 } }],
    ['a wildcard over false', { a: '$a' }, { a: false }, { a: false }],
    ['a wildcard over an empty text', { a: '$a' }, { a: '' }, { a: '' }],
    ['a wildcard over nothing', { sub: '$userId' }, {}, null],
    ['a wildcard over null', { sub: '$userId' }, { sub: null }, null],
    ['a wildcard over undefined', { sub: '$userId' }, { sub: undefined }, null],
    ['a wildcard without a name', { sub: '$' }, { sub: 'a' }, { '': 'a' }],
    [
      'a wildcard that is called like a prototype',
      { sub: '$__proto__' },
      { sub: 'a' },
      JSON.parse('{"__proto__":"a"}'),
    ],
    ['one wildcard in two places', { sub: '$id', act: { sub: '$id' } }, { sub: 'a', act: { sub: 'a' } }, { id: 'a' }],
    [
      'one wildcard in two places that differ',
      { sub: '$id', act: { sub: '$id' } },
      { sub: 'a', act: { sub: 'b' } },
      null,
    ],
    ['a nested claim', { org: { role: 'admin' } }, { org: { role: 'admin', id: 1 } }, {}],
    [
      'a nested claim with a wildcard',
      { org: { role: 'admin', id: '$org' } },
      { org: { role: 'admin', id: 1 } },
      { org: 1 },
    ],
    ['a nested claim in a text', { org: { length: 3 } }, { org: 'abc' }, null],
    ['a nested claim in null', { org: { id: 1 } }, { org: null }, null],
    ['a nested claim in a list', { org: { 0: 'a' } }, { org: ['a'] }, null],
    ['an empty nested pattern', { org: {} }, { org: { id: 1 } }, {}],
    ['a list', { roles: ['admin'] }, { roles: ['admin', 'member'] }, {}],
    ['a list in another order', { roles: ['admin'] }, { roles: ['member', 'admin'] }, null],
    ['a list in an object', { roles: ['admin'] }, { roles: { 0: 'admin' } }, null],
    ['null', { deletedAt: null }, { deletedAt: null }, {}],
    ['null for anything', { deletedAt: null }, { deletedAt: 1 }, null],
    ['null for nothing', { deletedAt: null }, {}, null],
    ['a number', { v: 1 }, { v: 1 }, {}],
    ['a number as a text', { v: 1 }, { v: '1' }, null],
    ['a boolean', { verified: true }, { verified: true }, {}],
    ['a boolean for 1', { verified: true }, { verified: 1 }, null],
    ['what is inherited', { toString: '$x', constructor: '$y' }, {}, null],
    ['a member of the prototype', { org: { hasOwnProperty: '$x' } }, { org: {} }, null],
    ['a text with $ in the middle', { price: 'a$b' }, { price: 'a$b' }, {}],
    ['a text with $ at the beginning is a wildcard', { price: '$5' }, { price: 'x' }, { 5: 'x' }],
  ])('%s', (_, pattern, claims, expected) => {
    expect(matchClaims(pattern, claims)).toEqual(expected)
  })

  test('changes no prototype', () => {
    const taken = matchClaims({ a: '$__proto__' }, { a: { admin: true } })
    expect((taken as { admin?: boolean }).admin).toBeUndefined()
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })

  test('takes whatever it is a part of, and is refused by whatever lacks a claim', () => {
    const json = fc.dictionary(
      fc.string(),
      fc.jsonValue({ maxDepth: 3 }).filter((value) => !JSON.stringify(value).includes('$')),
    )
    fc.assert(
      fc.property(json, json, (pattern, more) => {
        expect(matchClaims(pattern as ClaimsPattern, { ...more, ...pattern })).toEqual({})
        for (const name of Object.keys(pattern)) {
          const { [name]: _, ...without } = { ...more, ...pattern }
          expect(matchClaims(pattern as ClaimsPattern, without)).toBeNull()
        }
      }),
      { numRuns: 300 },
    )
  })

  test('has a type that takes JSON alone', () => {
    expectTypeOf<{
      readonly sub: '$userId'
      readonly org: { readonly roles: readonly ['a'] }
    }>().toExtend<ClaimPattern>()
    expectTypeOf<Date>().not.toExtend<ClaimPattern>()
    expectTypeOf<undefined>().not.toExtend<ClaimPattern>()
  })
})

describe('rolesOf', () => {
  test('gives every role that matches, with what its wildcards took', () => {
    expect(rolesOf(ROLES, ADA)).toEqual([
      { key: 'user', roleVars: { userId: 'ada' } },
      { key: 'member', roleVars: { orgId: 'o1' } },
      { key: 'everybody', roleVars: {} },
    ])
  })

  test('binds the user by the principal, not by what a further issuer calls it (checklist 25: binds the user)', () => {
    const further = { ...ADA, principal: 'urn:latchkey:external:x', claims: { ...ADA.claims, sub: 'ada' } }
    expect(rolesOf(ROLES, further)[0]).toEqual({ key: 'user', roleVars: { userId: 'urn:latchkey:external:x' } })
    const backend = { ...ADA, claims: { type: 'user' } }
    expect(rolesOf(ROLES, backend)[0]).toEqual({ key: 'user', roleVars: { userId: 'ada' } })
  })

  test('binds no user where there is none', () => {
    expect(rolesOf({ user: { match: { sub: '$userId' } } }, ANONYMOUS)).toEqual([])
    expect(rolesOf({ user: { match: { sub: '$userId' } } }, { ...ANONYMOUS, claims: { sub: 'ada' } })).toEqual([])
    expect(rolesOf(ROLES, ANONYMOUS)).toEqual([{ key: 'everybody', roleVars: {} }])
  })
})

describe('matches (checklist 4: reads can be gated on the mode, claims can be used in permissions)', () => {
  test.each<[string, Parameters<typeof matches>[1], boolean]>([
    ['nothing asked', {}, true],
    ['the mode', { authMode: 'external' }, true],
    ['another mode', { authMode: 'local-first' }, false],
    ['one of two modes', { authMode: ['local-first', 'external'] }, true],
    ['no mode', { authMode: [] }, false],
    ['claims', { claims: { type: 'user' } }, true],
    ['nested claims', { claims: { org: { id: 'o1' } } }, true],
    ['other claims', { claims: { type: 'admin' } }, false],
    ['the principal', { claims: { sub: 'ada' } }, true],
    ['a mode with other claims', { authMode: 'external', claims: { type: 'admin' } }, false],
    ['another mode with claims', { authMode: 'anonymous', claims: { type: 'user' } }, false],
  ])('%s', (_, match, expected) => {
    expect(matches(ADA, match)).toBe(expected)
  })

  test('the `sub` of a further issuer is no user of the first', () => {
    expect(matches({ ...ADA, principal: 'urn:x' }, { claims: { sub: 'ada' } })).toBe(false)
  })
})

describe('requireSameSession (checklist 11: another principal is refused) (checklist 18: other roles are refused)', () => {
  const codeOf = (after: ServerSession, roles?: Roles, before: ServerSession = ADA): string => {
    try {
      requireSameSession(before, after, roles)
      return 'accepted'
    } catch (error) {
      return (error as { code: string }).code
    }
  }
  const withClaims = (claims: Record<string, unknown>): ServerSession => ({
    ...ADA,
    claims: { ...ADA.claims, ...claims },
  })

  test('lets the same principal go on, also once it has an account', () => {
    expect(codeOf(ADA, ROLES)).toBe('accepted')
    expect(codeOf(withClaims({ exp: 5, iat: 4 }), ROLES)).toBe('accepted')
    expect(codeOf({ ...ADA, authMode: 'local-first', claims: {} }, undefined, { ...ADA, claims: {} })).toBe('accepted')
  })

  test('refuses another principal, an alias and no principal', () => {
    for (const principal of ['bob', 'old', null])
      expect(codeOf({ ...ADA, principal }, ROLES)).toBe('PRINCIPAL_MISMATCH')
  })

  test.each<[string, Record<string, unknown>]>([
    ['one more role', { type: 'admin' }],
    ['a role less', { org: {} }],
    ['another value in a role', { org: { id: 'o2' } }],
  ])('refuses %s', (_, claims) => {
    expect(codeOf(withClaims(claims), ROLES)).toBe('ROLES_MISMATCH')
  })

  test('compares the role claims where no roles are given', () => {
    expect(codeOf(withClaims({ roles: ['a', 'b'] }), undefined, withClaims({ roles: ['b', 'a'] }))).toBe('accepted')
    expect(codeOf(withClaims({ roles: ['a'] }), undefined, withClaims({ role: 'a' }))).toBe('accepted')
    expect(codeOf(withClaims({ roles: ['a', 'b'] }), undefined, withClaims({ roles: ['a'] }))).toBe('ROLES_MISMATCH')
    expect(codeOf(withClaims({ role: 'admin' }))).toBe('ROLES_MISMATCH')
  })
})
