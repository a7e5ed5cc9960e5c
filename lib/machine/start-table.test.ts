import { expect, test } from 'vitest'
import type { EventType, Row } from './events.ts'
import { START_TABLE, step } from './start-table.ts'
import { INITIAL_STATE, type Phase, type UpgradeState, type View } from './state.ts'
import { TABLE } from './transition.ts'

// A page runs START_TABLE until the later chunk brings TABLE, so the two must agree.

/** What the first load dispatches, and handles as the whole table does. */
const EARLY: readonly EventType[] = ['opened', 'openFailed', 'storageChanged', 'tokenRejected', 'tokenAccepted']

test.each(Object.keys(START_TABLE) as (keyof typeof START_TABLE)[])(
  'in %s every event of the first load does what it does in the whole table',
  (phase) => {
    const [start, whole]: Row[] = [START_TABLE[phase], TABLE[phase]]
    for (const type of EARLY) expect.soft(start![type], type).toBe(whole![type])
    const others = Object.keys(start!).filter((type) => !EARLY.includes(type as EventType))
    expect(others).toEqual(phase === 'starting' ? [] : ['recordChanged'])
  },
)

const session = { principal: 'p', principals: ['p'], authMode: 'local-first', claims: {} } as const
const conflict = { principal: 'p', account: { accountId: 'ada', principal: 'q', identifiers: [] }, isTaken: false }
const failed = step(START_TABLE, INITIAL_STATE, { type: 'openFailed', problem: 'KEYSTORE_UNAVAILABLE' })[0]

test.each<[string, View, UpgradeState]>([
  ['no identity', INITIAL_STATE, {}],
  ['an identity', { ...INITIAL_STATE, session, authMode: 'local-first' }, {}],
  [
    'an upgrade that waits',
    { ...INITIAL_STATE, session, authMode: 'local-first' },
    { pending: { expected: null, expiresAt: 1 } },
  ],
  ['a conflict', { ...INITIAL_STATE, session, authMode: 'local-first' }, { conflict }],
])('after a start that failed, a record with %s gives the state of the whole table', (_, found, waiting) => {
  const { authMode, storage } = found
  const event = { type: 'recordChanged', view: { authMode, session: found.session, storage }, waiting } as const
  const [start, ...effects] = step(START_TABLE, failed, event)
  expect(start).toEqual(step(TABLE, failed, event)[0])
  expect(effects).toContain('dropTokens')
})

test('the phases that it lacks begin with an operation', () => {
  const lacking = (Object.keys(TABLE) as Phase[]).filter((phase) => !(phase in START_TABLE))
  expect(lacking).toEqual(['upgrading', 'signing-out'])
})
