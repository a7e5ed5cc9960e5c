import { describe, expect, test } from 'vitest'
import type { AccountEntry, DeviceEntry, Entry } from '../../keystore/record.ts'
import type { AccountSession } from '../shared/account-provider.ts'
import { type Facts, decide } from './decide.ts'

const DEVICE: DeviceEntry = {
  kind: 'device',
  profile: 'latchkey/v1',
  principal: 'device',
  x: 'x',
  secret: 'secret',
  createdAt: 1,
  origin: 'created',
  wrote: false,
  derived: false,
  backedUpAt: null,
}
const ACCOUNT: AccountEntry = {
  kind: 'account',
  accountId: 'one',
  principal: 'one',
  aliases: [],
  recoverable: false,
  claims: {},
  verifiedAt: 1,
}
const STRANGER: AccountSession = { accountId: 'two', principal: 'two', aliases: [], recoverable: false }
const BOOLEANS = [true, false]

/** The account has its own principal, the current one, or the current one as an alias. */
function sessionsFor(before: Entry | undefined): AccountSession[] {
  return before
    ? [
        STRANGER,
        { ...STRANGER, principal: before.principal },
        { ...STRANGER, aliases: [before.principal] },
        // The current account after a reset, and after one that left the principal with it.
        ...(before.kind === 'account'
          ? [[], [before.principal]].map((aliases) => ({ ...STRANGER, accountId: before.accountId, aliases }))
          : []),
      ]
    : [STRANGER]
}

function everything(): Facts[] {
  const all: Facts[] = []
  for (const before of [undefined, DEVICE, ACCOUNT])
    for (const session of sessionsFor(before))
      for (const open of BOOLEANS)
        for (const consent of ['asked', 'expected', 'installed', 'none'] as const)
          for (const decision of [undefined, 'adopt', 'switch', 'discard'] as const)
            for (const isFixed of BOOLEANS)
              for (const isTaken of BOOLEANS)
                for (const isEmpty of [undefined, ...BOOLEANS])
                  for (const isRelinkTried of BOOLEANS)
                    all.push({
                      ...{ before, found: { ...session, open }, consent, isFixed, isTaken, isEmpty, isRelinkTried },
                      ...(decision && { decision }),
                    })
  return all
}

const ALL = everything()
const isSame = ({ before, found }: Facts): boolean =>
  before !== undefined && [found.principal, ...found.aliases].includes(before.principal)

/** The current account, with another principal than it had. */
const isReset = (facts: Facts): boolean =>
  facts.before === ACCOUNT && facts.found.accountId === ACCOUNT.accountId && facts.found.principal !== ACCOUNT.principal

/** The combinations that lead to one of these plans. */
const leadingTo = (...plans: readonly string[]): Facts[] => ALL.filter((facts) => plans.includes(decide(facts)))

/** What each plan may teach, at its worst. */
function lessons(facts: Facts): Facts[] {
  switch (decide(facts)) {
    case 'describe':
      return BOOLEANS.map((isEmpty) => ({ ...facts, isEmpty }))
    case 'fix':
      return BOOLEANS.map((open) => ({ ...facts, found: { ...facts.found, open }, isFixed: true, isEmpty: undefined }))
    case 'bind':
      return [
        { ...facts, found: { ...facts.found, principal: facts.before!.principal }, isFixed: true },
        ...BOOLEANS.map((isTaken) => ({ ...facts, isFixed: true, isTaken, isEmpty: undefined })),
      ]
    case 'link':
      // Without a device there is no key to link with, which ends it.
      return facts.before ? [{ ...facts, found: { ...facts.found, aliases: [facts.before.principal] } }] : []
    case 'relink':
      return [
        { ...facts, isRelinkTried: true },
        { ...facts, isRelinkTried: true, found: { ...facts.found, aliases: [facts.before!.principal] } },
      ]
    case 'switch':
      return facts.decision ? [] : [{ ...facts, isEmpty: false }]
    default:
      return []
  }
}

describe(`over all ${ALL.length} combinations of facts`, () => {
  test('every plan is reached', () => {
    expect(new Set(ALL.map((facts) => decide(facts)))).toEqual(
      new Set(['show', 'complete', 'bind', 'fix', 'link', 'relink', 'describe', 'switch', 'hold']),
    )
  })

  test('without consent a session never binds, links, switches, holds or fixes', () => {
    const plans = new Set(ALL.filter(({ consent }) => consent === 'none').map((facts) => decide(facts)))
    expect(plans).toEqual(new Set(['show', 'complete', 'relink']))
  })

  test('only the current account, which has another principal now, gets those of the device back, and only once', () => {
    expect(leadingTo('relink')).toEqual(ALL.filter((facts) => isReset(facts) && !facts.isRelinkTried))
  })

  test("the device's principal is given only to an account that was asked for or expected", () => {
    expect(leadingTo('bind').filter(({ consent }) => !['asked', 'expected'].includes(consent))).toEqual([])
    expect(
      leadingTo('bind').filter(({ before, found, isFixed }) => before !== DEVICE || !found.open || isFixed),
    ).toEqual([])
  })

  test('only a decision of the user adds an alias', () => {
    expect(leadingTo('link').filter(({ consent, decision }) => consent !== 'asked' || decision !== 'adopt')).toEqual([])
  })

  test('a device that holds something is replaced only by a decision of the user', () => {
    const replaced = leadingTo('switch').filter(({ isEmpty }) => isEmpty !== true)
    expect(replaced.filter(({ consent, decision }) => consent !== 'asked' || !decision)).toEqual([])
    expect(replaced.filter(({ decision }) => decision === 'adopt')).toEqual([])
  })

  test('a principal that another account has never leads to a switch by itself', () => {
    expect(leadingTo('switch').filter(({ isTaken, decision }) => isTaken && !decision)).toEqual([])
  })

  test('without a decision a current account is never replaced, bound or fixed by another, which is held only if it was asked for', () => {
    const others = ALL.filter((facts) => facts.before === ACCOUNT && !isSame(facts) && !isReset(facts))
    const isDecided = ({ consent, decision }: Facts): boolean => consent === 'asked' && decision !== undefined
    const undecided = others.filter((facts) => !isDecided(facts))
    expect(new Set(undecided.map((facts) => decide(facts)))).toEqual(new Set(['show', 'hold']))
    expect(undecided.filter((facts) => decide(facts) === 'hold' && facts.consent !== 'asked')).toEqual([])
    expect(new Set(others.filter(isDecided).map((facts) => decide(facts)))).toEqual(new Set(['fix', 'link', 'switch']))
  })

  test('completes if and only if the account has the current principal, or is the current one and was asked for', () => {
    const isFollowed = (facts: Facts): boolean =>
      isReset(facts) && facts.isRelinkTried === true && ['asked', 'expected'].includes(facts.consent)
    const isRelinked = (facts: Facts): boolean => !isReset(facts) || facts.isRelinkTried === true
    expect(leadingTo('complete')).toEqual(
      ALL.filter((facts) => (isSame(facts) && isRelinked(facts)) || isFollowed(facts)),
    )
  })

  test('on the day of installation nothing is bound, linked or held, and only an empty device is switched', () => {
    const installed = ALL.filter(({ consent }) => consent === 'installed')
    expect(installed.filter((facts) => ['bind', 'link', 'hold'].includes(decide(facts)))).toEqual([])
    expect(installed.filter((facts) => ['switch', 'fix'].includes(decide(facts)) && !facts.isEmpty)).toEqual([])
    // The account's own principal is fixed before it replaces anything here.
    expect(installed.filter((facts) => decide(facts) === 'switch' && !facts.isFixed)).toEqual([])
    expect(installed.some((facts) => decide(facts) === 'fix')).toBe(true)
  })

  test('every way ends within six steps', () => {
    let ways = ALL
    for (let step = 0; step < 6; step++) ways = ways.flatMap(lessons)
    expect(ways).toEqual([])
  })
})
