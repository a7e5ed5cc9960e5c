import { expect, test } from 'vitest'
import type { EventType, Row } from './events.ts'
import { START_TABLE } from './start-table.ts'
import type { Phase } from './state.ts'
import { TABLE } from './transition.ts'

// A page runs START_TABLE until the later chunk brings TABLE, so the two must agree.

/** What the first load dispatches. */
const EARLY: readonly EventType[] = [
  'opened',
  'openFailed',
  'recordChanged',
  'storageChanged',
  'tokenRejected',
  'tokenAccepted',
]

test.each(Object.keys(START_TABLE) as (keyof typeof START_TABLE)[])(
  'in %s every event of the first load does what it does in the whole table',
  (phase) => {
    const [start, whole]: Row[] = [START_TABLE[phase], TABLE[phase]]
    for (const type of EARLY) expect.soft(start![type], type).toBe(whole![type])
    expect(Object.keys(start!).filter((type) => !EARLY.includes(type as EventType))).toEqual([])
  },
)

test('the phases that it lacks begin with an operation', () => {
  const lacking = (Object.keys(TABLE) as Phase[]).filter((phase) => !(phase in START_TABLE))
  expect(lacking).toEqual(['upgrading', 'signing-out'])
})
