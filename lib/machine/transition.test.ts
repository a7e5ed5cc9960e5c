import { fc } from '../seeded.testing.ts'
import { describe, expect, test } from 'vitest'
import type { LatchkeyErrorCode } from '../errors.ts'
import {
  type AuthErrorKind,
  type AuthState,
  INITIAL_STATE,
  type Phase,
  type Session,
  type UpgradeState,
  type View,
} from './state.ts'
import type { AuthEvent, EventType } from './events.ts'
import { transition } from './transition.ts'

const PHASES: Phase[] = ['starting', 'ready', 'upgrading', 'pending', 'conflict', 'signing-out']
const PENDING = { expected: 'ada@example.com', expiresAt: 1 }
const CONFLICT = { principal: 'p', account: { accountId: 'ada', principal: 'q', identifiers: [] }, isTaken: false }
const storage = { durability: 'evictable', protection: 'extractable', canBackUp: true, advice: 'back-up' } as const

function session(principal: string, authMode: Session['authMode'] = 'local-first'): Session {
  return { principal, principals: [principal], authMode, claims: {} }
}

function view(who: Session | null): View {
  return { authMode: who?.authMode ?? 'anonymous', session: who, storage }
}

const EVENTS: { readonly [Type in EventType]: Extract<AuthEvent, { type: Type }> } = {
  opened: { type: 'opened', view: view(session('p')), waiting: {} },
  openFailed: {
    type: 'openFailed',
    view: { ...view(null), storage: { ...storage, problem: 'KEYSTORE_CORRUPT' } },
    waiting: {},
  },
  identityEnsured: { type: 'identityEnsured', view: view(session('p')), waiting: {} },
  recordChanged: { type: 'recordChanged', view: view(session('p')), waiting: {} },
  sessionConfirmed: { type: 'sessionConfirmed', view: view(session('p')) },
  upgradeStarted: { type: 'upgradeStarted' },
  upgradeCompleted: { type: 'upgradeCompleted', view: view(session('p', 'external')) },
  upgradeFailed: { type: 'upgradeFailed', failure: 'PROVIDER_REFUSED' },
  upgradePended: { type: 'upgradePended', upgrade: { pending: PENDING } },
  conflictFound: { type: 'conflictFound', upgrade: { conflict: CONFLICT } },
  conflictResolved: { type: 'conflictResolved', view: view(session('q', 'external')), decision: 'switch' },
  upgradeCancelled: { type: 'upgradeCancelled' },
  signOutStarted: { type: 'signOutStarted' },
  signOutVetoed: { type: 'signOutVetoed' },
  signedOut: { type: 'signedOut', view: view(null) },
  tokenRejected: { type: 'tokenRejected', reason: 'expired' },
  tokenAccepted: { type: 'tokenAccepted' },
  networkLost: { type: 'networkLost' },
  networkFound: { type: 'networkFound' },
  storageChanged: { type: 'storageChanged', storage: { ...storage, durability: 'persistent' } },
  backupsChanged: { type: 'backupsChanged', storage: { ...storage, durability: 'recoverable' } },
}

function stateIn(phase: Phase, patch: Partial<AuthState> = {}): AuthState {
  const start =
    phase === 'starting' ? INITIAL_STATE : { authMode: 'local-first' as const, session: session('p'), storage }
  return { ...start, phase, ...patch }
}

describe('every pair of phase and event', () => {
  for (const phase of PHASES) {
    for (const event of Object.values(EVENTS)) {
      test(`${phase}, ${event.type}`, () => {
        const before = structuredClone(stateIn(phase))
        const state = stateIn(phase)
        const [next, ...effects] = transition(state, event)
        expect(state).toEqual(before)
        expect(PHASES).toContain(next.phase)
        if (effects.includes('reportIgnored')) expect(next).toBe(state)
      })
    }
  }
})

describe('a state keeps its reference', () => {
  test('when an event changes nothing', () => {
    const state = stateIn('ready')
    for (const type of ['recordChanged', 'networkLost', 'networkFound', 'tokenAccepted'] as const)
      expect(transition(state, EVENTS[type])[0]).toBe(state)
  })

  test('for each field that did not change', () => {
    const state = stateIn('ready')
    const [next] = transition(state, { type: 'tokenRejected', reason: 'expired' })
    expect(next).not.toBe(state)
    expect(next.session).toBe(state.session)
    expect(next.storage).toBe(state.storage)
  })
})

describe('a rejected token', () => {
  test('sets the error and keeps the session', () => {
    const [next, ...effects] = transition(stateIn('ready'), { type: 'tokenRejected', reason: 'expired' })
    expect(next).toMatchObject({ error: 'expired', session: { principal: 'p' }, authMode: 'local-first' })
    expect(effects).toEqual(['dropTokens', 'reportExpiry'])
  })

  test('means nothing to an anonymous session', () => {
    const state = stateIn('ready', { session: null, authMode: 'anonymous' })
    expect(transition(state, EVENTS.tokenRejected)).toEqual([state, 'reportIgnored'])
  })

  test('is forgiven when a fresh token is taken', () => {
    const [next] = transition(stateIn('ready', { error: 'expired' }), { type: 'tokenAccepted' })
    expect('error' in next).toBe(false)
  })
})

describe('the account server', () => {
  test('confirms the current principal, with new aliases', () => {
    const confirmed = { ...session('p'), principals: ['p', 'older'] }
    const [next] = transition(stateIn('ready', { error: 'missing' }), {
      type: 'sessionConfirmed',
      view: view(confirmed),
    })
    expect(next.session?.principals).toEqual(['p', 'older'])
    expect('error' in next).toBe(false)
  })

  test('cannot bring another principal', () => {
    const state = stateIn('ready')
    expect(transition(state, { type: 'sessionConfirmed', view: view(session('q')) })).toEqual([state, 'reportIgnored'])
  })

  test('cannot move a local-first session to an account', () => {
    const state = stateIn('ready')
    expect(transition(state, { type: 'sessionConfirmed', view: view(session('p', 'external')) })).toEqual([
      state,
      'reportIgnored',
    ])
  })
})

test("a conflict is the other tabs' news, too", () => {
  expect(transition(stateIn('upgrading'), EVENTS.conflictFound).slice(1)).toEqual(['announce'])
})

describe('other aliases of the same principal', () => {
  const before = stateIn('ready', { authMode: 'external', session: session('p', 'external') })
  const after = view({ ...session('p', 'external'), principals: ['p', 'alias'] })

  test('leave no token in use that names those of before, here and in other tabs', () => {
    expect(transition(before, { type: 'sessionConfirmed', view: after })).toMatchObject([
      { session: { principals: ['p', 'alias'] } },
      'dropTokens',
      'announce',
    ])
    expect(transition(before, { type: 'recordChanged', view: after, waiting: {} })).toMatchObject([
      { session: { principals: ['p', 'alias'] } },
      'dropTokens',
    ])
  })
})

describe('what another tab wrote', () => {
  for (const phase of PHASES.filter((phase) => phase !== 'starting')) {
    test(`is shown in the phase ${phase}, which goes on`, () => {
      const waiting: UpgradeState = {
        ...(phase === 'pending' && { pending: PENDING }),
        ...(phase === 'conflict' && { conflict: CONFLICT }),
      }
      const [next, ...effects] = transition(stateIn(phase), {
        type: 'recordChanged',
        view: view(session('q')),
        waiting,
      })
      expect(next).toMatchObject({ phase, session: { principal: 'q' } })
      expect(effects).toEqual(['dropTokens', 'reportPrincipalChange'])
    })
  }
})

const ACCOUNT = { accountId: 'ada', principal: 'q', identifiers: ['ada@example.com'] }

describe.each(['upgrading', 'signing-out'] as const)('while %s, an account that waits', (phase) => {
  const before = stateIn(phase, { upgrade: { account: ACCOUNT, failure: 'OFFLINE' } })

  test('stays with its user', () => {
    expect(transition(before, EVENTS.recordChanged)).toEqual([before])
  })

  test.each([null, session('other')])('is not shown to the next user: %j', (next) => {
    const [after] = transition(before, { type: 'recordChanged', view: view(next), waiting: {} })
    expect(after).toMatchObject({ phase, session: next, upgrade: { failure: 'OFFLINE' } })
    expect(after.upgrade).not.toHaveProperty('account')
  })
})

test('an upgrade of the same principal clears an error that came before', () => {
  const [next, ...effects] = transition(
    stateIn('upgrading', { error: 'expired', authMode: 'external', session: session('p', 'external') }),
    EVENTS.upgradeCompleted,
  )
  expect('error' in next).toBe(false)
  expect(effects).toEqual(['announce'])
})

test('a storage problem is shown, and no identity is made up', () => {
  const [next] = transition(INITIAL_STATE, EVENTS.openFailed)
  expect(next).toMatchObject({
    phase: 'ready',
    authMode: 'anonymous',
    session: null,
    storage: { problem: 'KEYSTORE_CORRUPT' },
  })
})

// ── Random walks ──────────────────────────────────────────────────────────────────────────────────────────────────

/** The events by which a person, here or in another tab, may come to act under another principal. */
const EXPLICIT: EventType[] = [
  'opened',
  'identityEnsured',
  'recordChanged',
  'upgradeCompleted',
  'conflictResolved',
  'signedOut',
]

const someone = fc.oneof(
  fc.constant(null),
  fc
    .record({
      principal: fc.constantFrom('p', 'q', 'r'),
      authMode: fc.constantFrom('local-first' as const, 'external' as const),
    })
    .map(({ principal, authMode }) => session(principal, authMode)),
)
const someView = someone.map(view)
const someEvent: fc.Arbitrary<AuthEvent> = fc.oneof(
  ...(
    [
      'opened',
      'identityEnsured',
      'recordChanged',
      'sessionConfirmed',
      'upgradeCompleted',
      'conflictResolved',
      'signedOut',
    ] as const
  ).map((type) => someView.map((shown): AuthEvent => ({ type, view: shown, waiting: {}, decision: 'adopt' }))),
  fc
    .constantFrom<LatchkeyErrorCode>('CONFLICT', 'OFFLINE', 'PROVIDER_REFUSED')
    .map((failure): AuthEvent => ({ type: 'upgradeFailed', failure })),
  fc
    .constantFrom<AuthErrorKind>('expired', 'missing', 'invalid', 'disabled')
    .map((reason): AuthEvent => ({ type: 'tokenRejected', reason })),
  fc.constantFrom(
    ...Object.values(EVENTS).filter((event) => !('view' in event || 'failure' in event || 'reason' in event)),
  ),
)

describe('random walks', () => {
  test('the principal never changes without an explicit act', () => {
    walk((before, event, after) => {
      if (before.session?.principal !== after.session?.principal) expect(EXPLICIT).toContain(event.type)
      if (before.authMode !== after.authMode) expect(EXPLICIT).toContain(event.type)
    })
  })

  test('an upgrade that fails leaves the state before it, but for the failure', () => {
    walk((before, event, after, entered) => {
      if (event.type !== 'upgradeFailed' || before === after) return
      const { upgrade, ...rest } = after
      const { upgrade: waiting } = ['pending', 'conflict'].includes(before.phase) ? before : entered
      const { failure: _, ...waited } = waiting ?? {}
      expect(rest).toEqual({
        ...pick(before, 'error', 'storage', 'session', 'authMode'),
        phase: waited.conflict ? 'conflict' : waited.pending || waited.account ? 'pending' : 'ready',
      })
      expect(upgrade).toEqual({ ...waited, failure: event.failure })
      expect(after.session).toBe(before.session)
    })
  })

  test('an error keeps the session', () => {
    walk((before, event, after) => {
      if (event.type === 'tokenRejected') expect(after.session).toBe(before.session)
    })
  })

  test('a change of principal drops the tokens of the one before', () => {
    walk((before, event, after, _, effects) => {
      if (event.type !== 'opened' && before.session?.principal !== after.session?.principal)
        expect(effects).toContain('dropTokens')
    })
  })

  test('the network never changes anything', () => {
    walk((before, event, after) => {
      if (event.type === 'networkLost' || event.type === 'networkFound') expect(after).toBe(before)
    })
  })

  test('mode and session always agree', () => {
    walk((_, __, after) => expect(after.authMode).toBe(after.session?.authMode ?? 'anonymous'))
  })

  test('no phase is a dead end: something leads back to ready', () => {
    const outOf: Record<Phase, AuthEvent> = {
      starting: EVENTS.opened,
      ready: EVENTS.opened,
      upgrading: EVENTS.upgradeFailed,
      pending: EVENTS.upgradeCancelled,
      conflict: EVENTS.upgradeCancelled,
      'signing-out': EVENTS.signedOut,
    }
    walk((_, __, after) => {
      const [next] = transition(after, outOf[after.phase])
      // An upgrade that fails goes on waiting where it waited; that ends when it is cancelled.
      const [end] = next.phase === 'ready' ? [next] : transition(next, EVENTS.upgradeCancelled)
      expect(end.phase).toBe('ready')
    })
  })
})

type Step = (before: AuthState, event: AuthEvent, after: AuthState, entered: AuthState, effects: unknown[]) => void

/** @param check - called for each step; `entered` is the state in which the present act began */
function walk(check: Step): void {
  fc.assert(
    fc.property(fc.array(someEvent, { maxLength: 40 }), (events) => {
      let state: AuthState = INITIAL_STATE
      let entered = state
      for (const event of events) {
        if (event.type === 'upgradeStarted') entered = state
        const [next, ...effects] = transition(state, event)
        check(state, event, next, entered, effects)
        state = next
      }
    }),
    { numRuns: 1000 },
  )
}

function pick<Value extends object, Name extends keyof Value>(value: Value, ...names: Name[]): Partial<Value> {
  return Object.fromEntries(
    names.filter((name) => name in value).map((name) => [name, value[name]]),
  ) as unknown as Partial<Value>
}
