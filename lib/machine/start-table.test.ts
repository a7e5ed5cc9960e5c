import { expect, test } from 'vitest'
import type { EventType, Row } from './events.ts'
import { START_TABLE } from './start-table.ts'
import type { Phase } from './state.ts'
import { TABLE } from './transition.ts'

// A page runs START_TABLE until the later chunk brings TABLE, so the two must agree.

/** What the first load dispatches: at the start, and once the record was read. */
const START: readonly EventType[] = ['opened', 'openFailed', 'storageChanged']
const OPENED: readonly EventType[] = ['tokenRejected', 'tokenAccepted']

test.each(Object.keys(START_TABLE) as (keyof typeof START_TABLE)[])(
  'in %s every event of the first load does what it does in the whole table',
  (phase) => {
    const [start, whole]: Row[] = [START_TABLE[phase], TABLE[phase]]
    const early = phase === 'starting' ? START : OPENED
    // Only a start that is under way and the later chunk read and write the record.
    const same = [...START, ...OPENED].filter((type) => phase === 'starting' || type !== 'storageChanged')
    for (const type of same) expect.soft(start![type], type).toBe(whole![type])
    expect(Object.keys(start!).toSorted()).toEqual(early.toSorted())
  },
)

test('the phases that it lacks begin with an operation', () => {
  const lacking = (Object.keys(TABLE) as Phase[]).filter((phase) => !(phase in START_TABLE))
  expect(lacking).toEqual(['upgrading', 'signing-out'])
})
