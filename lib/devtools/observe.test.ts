import { afterEach, expect, test, vi } from 'vitest'
import type { DevtoolsHook, DevtoolsRecord } from '../client/shared/devtools.ts'
import { defineDevtools } from '../devtools.ts'
import { type Auth, createAuth } from '../index.ts'
import { manualClock } from '../testing/clock.ts'
import { memoryStore } from '../keystore/memory.ts'
import { observe } from './observe.ts'

// Loaded already: its limit of time must not depend on how busy the machine is.
import '../client/lazy.ts'

const HOOK = Symbol.for('latchkey.devtools')
const place = globalThis as { [key: symbol]: DevtoolsHook | undefined }

afterEach(() => {
  delete place[HOOK]
  vi.unstubAllGlobals()
})

async function start(name = 'notes', clock: () => number = Date.now): Promise<Auth> {
  const auth = createAuth({ name, clock, keystore: memoryStore(), audience: 'https://notes.example' })
  // Waits for the machine, which loads after the first state.
  await auth.listIdentities()
  return auth
}

test('where there are no custom elements nothing is put up: a server would keep every request for ever', () => {
  expect('customElements' in globalThis).toBe(false)
  defineDevtools()
  expect(place[HOOK]).toBeUndefined()
})

test('the element is defined once, together with the hook', () => {
  const defined = new Map<string, unknown>()
  vi.stubGlobal('HTMLElement', Object)
  vi.stubGlobal('customElements', {
    get: (tag: string) => defined.get(tag),
    define: (tag: string, made: unknown) => defined.set(tag, made),
  })
  defineDevtools()
  const [hook, element] = [place[HOOK], defined.get('latchkey-devtools')]
  expect(hook).toBeDefined()
  expect(element).toBeTypeOf('function')
  defineDevtools()
  expect(place[HOOK]).toBe(hook)
  expect(defined.get('latchkey-devtools')).toBe(element)
})

test('what came before it is not seen; the rest is, newest event first, with the state before', async () => {
  await start('early')
  const { instances } = observe()
  expect(instances).toEqual([])
  const auth = await start('late')
  auth.reportToken('expired')
  expect(instances.map(({ label }) => label)).toEqual(['late'])
  const { events, instance } = instances[0]!
  expect(instance.getState()).toBe(auth.getState())
  expect(events[0]).toMatchObject({ event: 'tokenRejected', ignored: false, state: auth.getState() })
  expect(events[0]?.before).toBe(events[1]?.state)
  expect(events.at(-1)).toMatchObject({ event: 'opened', before: undefined })
})

test('a hook that was there first hears everything', async () => {
  const heard: DevtoolsRecord[] = []
  const names: string[] = []
  place[HOOK] = {
    register({ name }) {
      names.push(name)
      return (record) => void heard.push(record)
    },
  }
  const { instances } = observe()
  const auth = await start()
  auth.reportToken('expired')
  expect(names).toEqual(['notes'])
  expect(heard.map(({ event }) => event).toReversed()).toEqual(instances[0]?.events.map(({ event }) => event))
  expect(heard.at(-1)?.event).toBe('tokenRejected')
})

test('the way to the controls reaches the panel and the hook that was there first', async () => {
  const ways: unknown[] = []
  place[HOOK] = { register: () => Object.assign(() => {}, { connect: (load: unknown) => void ways.push(load) }) }
  const { instances } = observe()
  expect(instances).toEqual([])
  await start()
  expect(ways).toEqual([instances[0]?.load])
  expect(await instances[0]!.load!()).toMatchObject({ audience: 'https://notes.example' })
})

test('instances of one name are told apart', async () => {
  const { instances } = observe()
  await start()
  await start('admin')
  await start()
  expect(instances.map(({ label }) => label)).toEqual(['notes', 'admin', 'notes (2)'])
})

test('only the last hundred events are kept', async () => {
  const { instances } = observe()
  const auth = await start()
  for (let round = 0; round < 120; round++) auth.reportToken('expired')
  expect(instances[0]?.events).toHaveLength(100)
})

test('the time is the one that the app goes by, also with a clock of its own and a simulated error', async () => {
  const { instances } = observe()
  const clock = manualClock(Date.UTC(2040, 0, 1))
  const auth = await start('notes', clock.now)
  vi.spyOn(Date, 'now').mockReturnValue(Date.now())
  auth.reportToken(null)
  const { instance, now } = instances[0]!
  expect(now()).toBe(clock.now())
  instance.timing.simulated = 60_000
  expect(now()).toBe(clock.now() + 60_000)
  auth.reportToken(null)
  expect(now()).toBe(clock.now() + 60_000)
  vi.restoreAllMocks()
})

test('listeners hear of each event and each instance until they leave', async () => {
  const observer = observe()
  let told = 0
  const leave = observer.subscribe(() => told++)
  const auth = await start()
  const before = told
  expect(before).toBeGreaterThan(1)
  auth.reportToken(null)
  expect(told).toBe(before + 1)
  leave()
  auth.reportToken(null)
  expect(told).toBe(before + 1)
})

test('nothing that is seen holds the secret or a token', async () => {
  const { instances } = observe()
  const auth = await start()
  const token = (await auth.getToken())!
  const secret = await auth.exportSecret()
  const seen = JSON.stringify(
    instances.map(({ events, instance, label }) => [label, events, instance, instance.getState()]),
  )
  expect(seen).toContain(auth.getState().session?.principal)
  for (const part of token.split('.').slice(1)) expect(seen).not.toContain(part)
  expect(seen).not.toContain(secret)
})
