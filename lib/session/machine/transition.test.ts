import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { AuthErrorKind, AuthMode } from '../../machine/state.ts'
import {
  type Core,
  INITIAL_CORE,
  type SessionEffect,
  type SessionEvent,
  type SessionEventType,
  type World,
} from './core.ts'
import type { SessionToken } from './session-token.ts'
import { isClosed, stateOf } from './snapshot.ts'
import { step } from './transition.ts'

const NOW = Date.UTC(2026, 0, 1)

function token(text: string, rest: Partial<SessionToken> = {}): SessionToken {
  return {
    text,
    principal: 'ada',
    roles: '[]',
    mode: 'local-first',
    takenAt: NOW,
    left: 900_000,
    lead: 60_000,
    ...rest,
  }
}

const world: World = {
  now: NOW,
  mode: 'local-first',
  authPrincipal: 'ada',
  authError: null,
  hasHandler: false,
  canUpdate: true,
  interval: Infinity,
}
const begun: Core = {
  ...INITIAL_CORE,
  stage: 'started',
  wanted: true,
  principal: 'ada',
  roles: '[]',
  rolesMode: 'local-first',
  mode: 'local-first',
}

const CORES: Record<string, Core> = {
  idle: INITIAL_CORE,
  waiting: { ...INITIAL_CORE, stage: 'started', wanted: true },
  asking: begun,
  held: { ...begun, wanted: false, trial: token('one') },
  connecting: { ...begun, link: 'opening', trial: token('one') },
  connected: { ...begun, link: 'up', held: token('one'), upSince: NOW - 60_000 },
  updating: { ...begun, link: 'up', held: token('one'), trial: token('two'), upSince: NOW - 60_000 },
  lost: { ...begun, held: token('one'), attempts: 1 },
  paused: { ...begun, error: 'expired', refused: 'one', attempts: 1 },
  probing: { ...begun, link: 'opening', trial: token('two'), error: 'expired', attempts: 2 },
  closed: { ...begun, failure: 'SCHEMA_MISMATCH', held: token('one') },
  ended: { ...INITIAL_CORE, stage: 'ended' },
}

const EVENTS: { readonly [Type in SessionEventType]: Extract<SessionEvent, { type: Type }> } = {
  started: { type: 'started', token: null, principal: 'ada', connect: true },
  startRefused: { type: 'startRefused' },
  given: { type: 'given', token: token('given') },
  fetched: { type: 'fetched', token: token('fetched') },
  nothingFetched: { type: 'nothingFetched' },
  fetchFailed: { type: 'fetchFailed', isVerdict: false },
  accepted: { type: 'accepted' },
  rejected: { type: 'rejected', kind: 'UNAUTHORIZED', error: 'invalid' },
  lost: { type: 'lost' },
  replaced: { type: 'replaced', text: 'two' },
  notReplaced: { type: 'notReplaced', text: 'two', isRefused: true },
  due: { type: 'due' },
  retried: { type: 'retried' },
  networkFound: { type: 'networkFound' },
  authChanged: { type: 'authChanged' },
  connectAsked: { type: 'connectAsked' },
  disconnectAsked: { type: 'disconnectAsked' },
  finished: { type: 'finished' },
  ended: { type: 'ended' },
}

describe('every pair of situation and event', () => {
  for (const [name, core] of Object.entries(CORES)) {
    for (const event of Object.values(EVENTS)) {
      test(`${name}, ${event.type}`, () => {
        const before = structuredClone(core)
        const [next, ...effects] = step(core, event, world)
        expect(core).toEqual(before)
        expectSound(core, next, effects, event, world)
      })
    }
  }
})

describe('without a session', () => {
  const MEANT: readonly string[] = ['started', 'startRefused', 'connectAsked', 'disconnectAsked', 'ended']

  test.each(['idle', 'ended'])('%s: only a start changes more than what the app wants', (name) => {
    for (const event of Object.values(EVENTS)) {
      if (MEANT.includes(event.type)) continue
      const [next, ...effects] = step(CORES[name]!, event, world)
      expect(next).toBe(CORES[name])
      expect(effects).toEqual([])
    }
  })
})

// ── Random walks ──────────────────────────────────────────────────────────────────────────────────────────────────

const someToken = fc
  .record({
    text: fc.constantFrom('one', 'two', 'three', 'four'),
    principal: fc.constantFrom('ada', 'ada', 'ada', 'eve'),
    roles: fc.constantFrom('[]', '[]', '["editor"]'),
    mode: fc.constantFrom<AuthMode>('local-first', 'external'),
    left: fc.constantFrom(0, 1000, 900_000, Infinity),
  })
  .map((parts) => token(parts.text, { ...parts, lead: parts.left === Infinity ? 0 : parts.left / 5 }))

const someEvent: fc.Arbitrary<SessionEvent> = fc.oneof(
  fc.constantFrom(...Object.values(EVENTS)),
  fc
    .record({ token: fc.option(someToken), principal: fc.option(fc.constantFrom('ada', 'eve')), connect: fc.boolean() })
    .map((started): SessionEvent => ({ type: 'started', ...started })),
  fc
    .tuple(fc.constantFrom('given' as const, 'fetched' as const), someToken)
    .map(([type, given]): SessionEvent => ({ type, token: given })),
  fc.constantFrom<SessionEvent>(
    { type: 'rejected', kind: 'TOKEN_EXPIRED', error: 'expired' },
    { type: 'rejected', kind: 'UNAUTHORIZED', error: 'disabled' },
    { type: 'rejected', kind: 'ROLES_MISMATCH', error: 'invalid' },
    { type: 'rejected', kind: 'SCHEMA_MISMATCH', error: 'invalid' },
    { type: 'fetchFailed', isVerdict: true },
    { type: 'replaced', text: 'three' },
    { type: 'notReplaced', text: 'three', isRefused: false },
  ),
)
const someWorld: fc.Arbitrary<World> = fc.record({
  now: fc.integer({ min: NOW - 3_600_000, max: NOW + 3_600_000 }),
  mode: fc.constantFrom<AuthMode>('anonymous', 'local-first', 'external'),
  authPrincipal: fc.constantFrom(null, 'ada', 'eve'),
  authError: fc.constantFrom<AuthErrorKind | null>(null, null, 'expired', 'missing', 'invalid', 'disabled'),
  hasHandler: fc.boolean(),
  canUpdate: fc.boolean(),
  interval: fc.constantFrom(1000, 300_000, Infinity),
})

describe('random walks', () => {
  test('are sound at every step, whatever happens in whatever order', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(someEvent, someWorld), { maxLength: 60 }), (walk) => {
        let core = INITIAL_CORE
        for (const [event, around] of walk) {
          const [next, ...effects] = step(core, event, around)
          expectSound(core, next, effects, event, around)
          core = next
        }
      }),
      { numRuns: Number(process.env['LATCHKEY_RUNS'] ?? 3000) },
    )
  }, 600_000)
})

/** What holds after every step. */
function expectSound(
  core: Core,
  next: Core,
  effects: readonly SessionEffect[],
  event: SessionEvent,
  around: World,
): void {
  const state = stateOf(next)
  const all = <Name extends SessionEffect['do']>(name: Name): Extract<SessionEffect, { do: Name }>[] =>
    effects.filter((effect): effect is Extract<SessionEffect, { do: Name }> => effect.do === name)
  if (next.stage !== 'started') expect(next).toMatchObject({ principal: null, link: 'down', held: null, trial: null })
  if (next.link !== 'down') expect(next.held ?? next.trial).not.toBeNull()
  if (next.link === 'up') expect(next).toMatchObject({ error: null })
  if (isClosed(next) || !next.wanted) expect(next.link).toBe('down')
  if (state.status === 'paused')
    expect(next).toMatchObject({ stage: 'started', link: expect.stringMatching(/down|opening/) })
  // One thing on the wire at a time, and only of the principal whose session it is.
  for (const effect of effects) if ('token' in effect) expect(effect.token.principal).toBe(next.principal)
  expect(all('connect').length).toBeLessThanOrEqual(1)
  if (all('connect').length > 0) expect(next.link).toBe('opening')
  const order = effects.map(({ do: name }) => name).filter((name) => name === 'connect' || name === 'disconnect')
  if (core.link !== 'down' && order.includes('connect')) expect(order).toEqual(['disconnect', 'connect'])
  if (core.link !== 'down' && next.link === 'down' && event.type !== 'lost') expect(order).toEqual(['disconnect'])
  for (const { token: placed } of all('update'))
    expect([core.link, next.link, next.trial]).toEqual(['up', 'up', placed])
  // Nobody is asked who cannot be, and no wait is senseless.
  if (all('refresh').length > 0 && event.type !== 'due')
    expect(around.hasHandler || around.authPrincipal !== null).toBe(true)
  for (const { delay } of all('schedule')) expect(delay).toBeGreaterThan(0)
  for (const { attempt } of all('retry')) if (attempt !== null) expect(attempt).toBeGreaterThanOrEqual(0)
  // Whoever handed over a token hears of it before it is forgotten.
  const settled = all('settle').map(({ text }) => text)
  if (core.trial && next.trial !== core.trial && event.type !== 'accepted' && event.type !== 'replaced')
    expect(settled).toContain(core.trial.text)
}
