import { afterEach, expect, test, vi } from 'vitest'
import { type Machine, type MachineParts, createMachine } from './create-machine.ts'
import { holdSnapshot } from './snapshot.ts'

interface State {
  readonly count: number
  readonly tags: readonly string[]
}
type Event = { readonly type: 'add'; readonly by: number } | { readonly type: 'nothing' } | { readonly type: 'broken' }
type Effect = `say ${number}` | 'again'

const INITIAL: State = { count: 0, tags: ['a'] }

/** Adds; names each sum, and asks for another round up to 3. */
function transition(state: State, event: Event): readonly [State, ...Effect[]] {
  if (event.type === 'broken') throw new Error('transition')
  if (event.type === 'nothing') return [state]
  const count = state.count + event.by
  return [{ ...state, count }, ...(count < 3 ? (['again'] as const) : []), `say ${count}`]
}

type Parts = MachineParts<State, Event, Effect, State>

function machineWith(parts: Partial<Parts> = {}): Machine<State, Event, State> {
  return createMachine<State, Event, Effect>({
    initial: INITIAL,
    holder: holdSnapshot(INITIAL),
    transition,
    perform: () => {},
    ...parts,
  })
}

/** What was reported as an uncaught error. */
function reports(): unknown[] {
  const seen: unknown[] = []
  vi.stubGlobal('reportError', (error: unknown) => void seen.push(error))
  return seen
}

afterEach(() => void vi.unstubAllGlobals())

test('an event moves the state, and its effects are performed in order with what led to them', () => {
  const perform = vi.fn()
  const machine = machineWith({ perform })
  machine.dispatch({ type: 'add', by: 1 })
  expect(machine.getState()).toEqual({ count: 1, tags: ['a'] })
  expect(perform.mock.calls.map(([effect]) => effect)).toEqual(['again', 'say 1'])
  expect(perform.mock.calls[0]![1]).toMatchObject({
    event: { type: 'add', by: 1 },
    before: INITIAL,
    state: { count: 1 },
  })
})

test('an event dispatched by an effect waits until the remaining effects are performed', () => {
  const log: string[] = []
  const machine = machineWith({
    record: ({ effects }) => void log.push(`its turn: ${effects.join()}`),
    perform(effect) {
      if (effect === 'again') machine.dispatch({ type: 'add', by: 1 })
      log.push(`${effect} at ${machine.state().count}`)
    },
  })
  machine.dispatch({ type: 'add', by: 2 })
  expect(log).toEqual(['its turn: again,say 2', 'again at 2', 'say 2 at 2', 'its turn: say 3', 'say 3 at 3'])
})

test('the snapshot is deeply frozen, and the same reference until something changes', () => {
  const machine = machineWith()
  const before = machine.getState()
  machine.dispatch({ type: 'nothing' })
  expect(machine.getState()).toBe(before)
  machine.dispatch({ type: 'add', by: 5 })
  const after = machine.getState()
  expect(after).not.toBe(before)
  expect(Object.isFrozen(after) && Object.isFrozen(after.tags)).toBe(true)
  expect(machine.getState()).toBe(after)
})

test('listeners are called once after all queued events, and not for an unchanged snapshot', () => {
  const machine = machineWith({
    perform: (effect) => effect === 'again' && machine.dispatch({ type: 'add', by: 1 }),
  })
  const counts: number[] = []
  const stop = machine.subscribe(() => counts.push(machine.getState().count))
  machine.dispatch({ type: 'add', by: 1 })
  machine.dispatch({ type: 'nothing' })
  expect(counts).toEqual([3])
  stop()
  machine.dispatch({ type: 'add', by: 1 })
  expect(counts).toEqual([3])
})

test('listeners get the current snapshot, also after an earlier listener changed it', () => {
  const machine = machineWith()
  machine.subscribe(({ count }) => count === 5 && machine.dispatch({ type: 'add', by: 1 }))
  const seen: [number, boolean][] = []
  machine.subscribe((snapshot) => seen.push([snapshot.count, snapshot === machine.getState()]))
  machine.dispatch({ type: 'add', by: 5 })
  expect(seen).toEqual([
    [6, true],
    [6, true],
  ])
})

test('a listener that an earlier one removes is not called; one that it adds is called from the next change on', () => {
  const machine = machineWith()
  const [removed, added] = [vi.fn(), vi.fn()]
  machine.subscribe(() => {
    stop()
    machine.subscribe(added)
  })
  const stop = machine.subscribe(removed)
  machine.dispatch({ type: 'add', by: 5 })
  expect(added).not.toHaveBeenCalled()
  machine.dispatch({ type: 'add', by: 5 })
  expect(added).toHaveBeenCalledOnce()
  expect(removed).not.toHaveBeenCalled()
})

test('a listener may dispatch', () => {
  const machine = machineWith()
  machine.subscribe(() => machine.getState().count < 7 && machine.dispatch({ type: 'add', by: 1 }))
  machine.dispatch({ type: 'add', by: 5 })
  expect(machine.getState().count).toBe(7)
})

test('a throwing or rejecting listener is reported, and stops neither the others nor the machine', async () => {
  const seen = reports()
  const machine = machineWith()
  const other = vi.fn()
  machine.subscribe(() => {
    throw new Error('thrown')
  })
  machine.subscribe((() => Promise.reject(new Error('rejected'))) as () => void)
  machine.subscribe(other)
  machine.dispatch({ type: 'add', by: 5 })
  machine.dispatch({ type: 'add', by: 5 })
  await Promise.resolve()
  expect(other).toHaveBeenCalledTimes(2)
  expect(machine.getState().count).toBe(10)
  expect(seen.map(String)).toEqual(['Error: thrown', 'Error: thrown', 'Error: rejected', 'Error: rejected'])
})

test('a throwing effect or transition is reported, and later effects and events go on', () => {
  const seen = reports()
  const performed: Effect[] = []
  const machine = machineWith({
    perform(effect) {
      if (effect === 'again') throw new Error('effect')
      performed.push(effect)
    },
  })
  machine.dispatch({ type: 'add', by: 1 })
  machine.dispatch({ type: 'broken' })
  machine.dispatch({ type: 'add', by: 5 })
  expect(performed).toEqual(['say 1', 'say 6'])
  expect(seen.map(String)).toEqual(['Error: effect', 'Error: transition'])
})

test('record is called for each event, before its effects', () => {
  const log: string[] = []
  const machine = machineWith({
    record: ({ event, before, state, effects }) =>
      void log.push(`${event.type} ${before.count}→${state.count} [${effects.join()}]`),
    perform: (effect) => log.push(effect),
  })
  machine.dispatch({ type: 'add', by: 5 })
  machine.dispatch({ type: 'nothing' })
  expect(log).toEqual(['add 0→5 [say 5]', 'say 5', 'nothing 5→5 []'])
})

test('record may throw: the effects are performed all the same, and the error is reported', () => {
  const reportError = vi.fn()
  vi.stubGlobal('reportError', reportError)
  const log: string[] = []
  const machine = machineWith({
    record: () => {
      throw new Error('the tool is broken')
    },
    perform: (effect) => log.push(effect),
  })
  machine.dispatch({ type: 'add', by: 5 })
  expect(log).toEqual(['say 5'])
  expect(reportError).toHaveBeenCalledOnce()
  vi.unstubAllGlobals()
})

test('show derives the snapshot: a change of the state that it does not show calls no listener', () => {
  const listener = vi.fn()
  const machine = createMachine<State, Event, Effect, { readonly isBig: boolean }>({
    initial: INITIAL,
    transition,
    perform: () => {},
    holder: holdSnapshot({ isBig: false }),
    show: ({ count }, shown) => (shown.isBig === count > 5 ? shown : { isBig: count > 5 }),
  })
  machine.subscribe(listener)
  const before = machine.getState()
  machine.dispatch({ type: 'add', by: 4 })
  expect(machine.state().count).toBe(4)
  expect(machine.getState()).toBe(before)
  expect(listener).not.toHaveBeenCalled()
  machine.dispatch({ type: 'add', by: 4 })
  expect(machine.getState()).toEqual({ isBig: true })
  expect(Object.isFrozen(machine.getState())).toBe(true)
  expect(listener).toHaveBeenCalledTimes(1)
})
