import { fc } from '../../seeded.testing.ts'
import { describe, expect, test } from 'vitest'
import type { AuthErrorKind, AuthMode } from '../../machine/state.ts'
import {
  type InternalState,
  INITIAL_STATE,
  type SessionEffect,
  type SessionEvent,
  type SessionEventType,
  type World,
} from './internal-state.ts'
import type { SessionToken } from './session-token.ts'
import { isClosed, snapshotOf } from './snapshot.ts'
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
const begun: InternalState = {
  ...INITIAL_STATE,
  stage: 'started',
  wanted: true,
  principal: 'ada',
  roles: '[]',
  rolesMode: 'local-first',
  mode: 'local-first',
}

const CORES: Record<string, InternalState> = {
  idle: INITIAL_STATE,
  waiting: { ...INITIAL_STATE, stage: 'started', wanted: true },
  asking: begun,
  held: { ...begun, wanted: false, trial: token('one') },
  connecting: { ...begun, connection: 'opening', trial: token('one') },
  connected: { ...begun, connection: 'up', held: token('one'), upSince: NOW - 60_000 },
  updating: { ...begun, connection: 'up', held: token('one'), trial: token('two'), upSince: NOW - 60_000 },
  lost: { ...begun, held: token('one'), attempts: 1 },
  paused: { ...begun, error: 'expired', refused: 'one', attempts: 1 },
  probing: { ...begun, connection: 'opening', trial: token('two'), error: 'expired', attempts: 2 },
  closed: { ...begun, failure: 'SCHEMA_MISMATCH', held: token('one') },
  ended: { ...INITIAL_STATE, stage: 'ended' },
}

const EVENTS: { readonly [Type in SessionEventType]: Extract<SessionEvent, { type: Type }> } = {
  started: { type: 'started', token: null, principal: 'ada', connect: true },
  given: { type: 'given', token: token('given') },
  fetched: { type: 'fetched', token: token('fetched') },
  nothingFetched: { type: 'nothingFetched' },
  fetchFailed: { type: 'fetchFailed', isRejection: false },
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
  for (const [name, state] of Object.entries(CORES)) {
    for (const event of Object.values(EVENTS)) {
      test(`${name}, ${event.type}`, () => {
        const before = structuredClone(state)
        const [next, ...effects] = step(state, event, world)
        expect(state).toEqual(before)
        expectSound(state, next, effects, event, world)
      })
    }
  }
})

describe('without a session', () => {
  const MEANT: readonly string[] = ['started', 'connectAsked', 'disconnectAsked', 'ended']

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
    { type: 'fetchFailed', isRejection: true },
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
        let state = INITIAL_STATE
        for (const [event, around] of walk) {
          const [next, ...effects] = step(state, event, around)
          expectSound(state, next, effects, event, around)
          state = next
        }
      }),
      { numRuns: Number(process.env['LATCHKEY_RUNS'] ?? 3000) },
    )
  }, 600_000)
})

/** What holds after every step. */
function expectSound(
  state: InternalState,
  next: InternalState,
  effects: readonly SessionEffect[],
  event: SessionEvent,
  around: World,
): void {
  const snapshot = snapshotOf(next)
  const all = <Name extends SessionEffect['do']>(name: Name): Extract<SessionEffect, { do: Name }>[] =>
    effects.filter((effect): effect is Extract<SessionEffect, { do: Name }> => effect.do === name)
  if (next.stage !== 'started')
    expect(next).toMatchObject({ principal: null, connection: 'down', held: null, trial: null })
  if (next.connection !== 'down') expect(next.held ?? next.trial).not.toBeNull()
  if (next.connection === 'up') expect(next).toMatchObject({ error: null })
  if (isClosed(next) || !next.wanted) expect(next.connection).toBe('down')
  if (snapshot.status === 'paused')
    expect(next).toMatchObject({ stage: 'started', connection: expect.stringMatching(/down|opening/) })
  // One thing on the wire at a time, and only of the principal whose session it is.
  for (const effect of effects) if ('token' in effect) expect(effect.token.principal).toBe(next.principal)
  expect(all('connect').length).toBeLessThanOrEqual(1)
  if (all('connect').length > 0) expect(next.connection).toBe('opening')
  const order = effects.map(({ do: name }) => name).filter((name) => name === 'connect' || name === 'disconnect')
  if (state.connection !== 'down' && order.includes('connect')) expect(order).toEqual(['disconnect', 'connect'])
  if (state.connection !== 'down' && next.connection === 'down' && event.type !== 'lost')
    expect(order).toEqual(['disconnect'])
  for (const { token: placed } of all('update'))
    expect([state.connection, next.connection, next.trial]).toEqual(['up', 'up', placed])
  // An app may end the session for what is reported: never while the server accepts one of its tokens.
  if (all('report').length > 0) expect(next).toMatchObject({ stage: 'started', connection: 'down' })
  // No one is asked who cannot be, and no wait is senseless.
  if (all('refresh').length > 0 && event.type !== 'due')
    expect(around.hasHandler || around.authPrincipal !== null).toBe(true)
  for (const { delay } of all('schedule')) expect(delay).toBeGreaterThan(0)
  for (const { attempt } of all('retry')) if (attempt !== null) expect(attempt).toBeGreaterThanOrEqual(0)
  // A caller that handed over a token hears of it before it is forgotten.
  const settled = all('settle').map(({ text }) => text)
  if (state.trial && next.trial !== state.trial && event.type !== 'accepted' && event.type !== 'replaced')
    expect(settled).toContain(state.trial.text)
}
