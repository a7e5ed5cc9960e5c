import { afterEach, describe, expect, test, vi } from 'vitest'
import type { AuthState } from './machine/state.ts'
import type { AccountDevice } from './client/shared/account-provider.ts'
import { type Devices, type DevicesAuth, devicesOf } from './device-bindings.ts'
import { LatchkeyError } from './errors.ts'

const SERVER_STATE = { authMode: 'anonymous', phase: 'starting', session: null } as unknown as AuthState
const ANONYMOUS = { ...SERVER_STATE, phase: 'ready' } as AuthState
const signedIn = (principal: string, error?: string) =>
  ({ ...ANONYMOUS, authMode: 'external', session: { principal }, ...(error && { error }) }) as unknown as AuthState

const device = (id: string, lastSeenAt: number, isCurrent = false): AccountDevice => ({
  id,
  name: id,
  platform: null,
  createdAt: 0,
  lastSeenAt,
  isCurrent,
  approvedBy: null,
})
const LIST = [device('old', 1), device('phone', 2), device('here', 0, true)]

/** An identity whose account server answers when the test says so. */
function world(first: AuthState = signedIn('ada')) {
  let state = first
  const listeners = new Set<() => void>()
  const open: { readonly call: string; resolve(value: unknown): void; reject(error: unknown): void }[] = []
  const ask = (call: string): Promise<never> =>
    new Promise<never>((resolve, reject) => open.push({ call, resolve: resolve as (value: unknown) => void, reject }))
  const auth = {
    getState: () => state,
    getServerState: () => SERVER_STATE,
    subscribe(listener: () => void) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    devices: () => ask('devices'),
    renameDevice: (id: string, name: string) => ask(`rename ${id} ${name}`),
    revokeDevice: (id: string) => ask(`revoke ${id}`),
    revokeOtherDevices: () => ask('revoke others'),
  } as unknown as DevicesAuth
  const store = devicesOf(auth)
  return {
    auth,
    store,
    open,
    isFollowed: () => listeners.size > 0,
    become(next: AuthState) {
      state = next
      for (const listener of listeners) listener()
    },
    /** Answers the oldest open request, and lets what follows happen. */
    async answer(call: string, value: unknown) {
      const request = open.shift()!
      expect(request.call).toBe(call)
      if (value instanceof Error) request.reject(value)
      else request.resolve(value)
      await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

const shown = ({ phase, devices, isBusy, failure }: Devices) => [phase, devices.map(({ id }) => id), isBusy, failure]
const offline = new LatchkeyError('OFFLINE')

afterEach(() => vi.unstubAllGlobals())

describe('the devices of an account', () => {
  test('are loaded once a component shows them: this device first, then by their last use', async () => {
    const { store, answer, open } = world()
    expect(shown(store.getState())).toEqual(['loading', [], false, null])
    expect(open).toEqual([])
    const changed = vi.fn()
    store.subscribe(changed)
    await answer('devices', LIST)
    expect(changed).toHaveBeenCalledTimes(1)
    expect(shown(store.getState())).toEqual(['ready', ['here', 'phone', 'old'], false, null])
    expect(store.getState()).toBe(store.getState())
  })

  test('are unknown on a server, while the page starts, and without an account', () => {
    const { store, become, open } = world(SERVER_STATE)
    store.subscribe(() => {})
    expect(shown(store.getServerState())).toEqual(['starting', [], false, null])
    expect(store.getState()).toBe(store.getServerState())
    become(ANONYMOUS)
    expect(shown(store.getState())).toEqual(['none', [], false, null])
    expect(open).toEqual([])
  })

  test('are one list for all components, which is not followed after the last one', async () => {
    const { auth, store, answer, isFollowed, open } = world()
    expect(devicesOf(auth)).toBe(store)
    const stops = [store.subscribe(() => {}), store.subscribe(() => {})]
    await answer('devices', LIST)
    for (const stop of stops) stop()
    expect(isFollowed()).toBe(false)
    store.subscribe(() => {})
    // It may have changed; what is known is shown meanwhile.
    expect(shown(store.getState())[0]).toBe('ready')
    expect(open.map(({ call }) => call)).toEqual(['devices'])
  })

  test('of another account are loaded anew, and a late answer for the first one is dropped', async () => {
    const { store, answer, become } = world()
    store.subscribe(() => {})
    become(signedIn('ben'))
    expect(shown(store.getState())).toEqual(['loading', [], false, null])
    await answer('devices', LIST)
    expect(shown(store.getState())).toEqual(['loading', [], false, null])
    await answer('devices', [device('of ben', 1, true)])
    expect(shown(store.getState())).toEqual(['ready', ['of ben'], false, null])
  })

  test('are loaded again after a session that had ended is renewed', async () => {
    const { store, answer, become } = world(signedIn('ada', 'missing'))
    store.subscribe(() => {})
    await answer('devices', new LatchkeyError('SESSION_MISSING'))
    expect(shown(store.getState())).toEqual(['failed', [], false, 'SESSION_MISSING'])
    become(signedIn('ada'))
    expect(shown(store.getState())).toEqual(['loading', [], false, null])
    await answer('devices', LIST)
    expect(shown(store.getState())[0]).toBe('ready')
  })

  test('stay as they were known while the server cannot be reached, and are there after `reload`', async () => {
    const { store, answer } = world()
    store.subscribe(() => {})
    await answer('devices', offline)
    expect(shown(store.getState())).toEqual(['failed', [], false, 'OFFLINE'])
    const reloaded = store.getState().reload()
    await answer('devices', LIST)
    await reloaded
    expect(shown(store.getState())).toEqual(['ready', ['here', 'phone', 'old'], false, null])
    void store.getState().reload()
    await answer('devices', offline)
    expect(shown(store.getState())).toEqual(['ready', ['here', 'phone', 'old'], false, 'OFFLINE'])
  })

  test('of two loadings only the later one counts', async () => {
    const { store, open } = world()
    store.subscribe(() => {})
    const later = store.getState().reload()
    const [first, second] = open
    second!.resolve([device('new', 1)])
    await later
    first!.resolve(LIST)
    await new Promise((resolve) => setImmediate(resolve))
    expect(shown(store.getState())).toEqual(['ready', ['new'], false, null])
  })

  test('an error of no code of ours is PROVIDER_FAILED', async () => {
    const { store, answer } = world()
    store.subscribe(() => {})
    await answer('devices', new Error('of the provider'))
    expect(shown(store.getState())).toEqual(['failed', [], false, 'PROVIDER_FAILED'])
  })
})

describe('a change', () => {
  async function loaded() {
    const given = world()
    given.store.subscribe(() => {})
    await given.answer('devices', LIST)
    return given
  }

  test('is followed by the new list, and is over then', async () => {
    const { store, answer } = await loaded()
    const revoked = store.getState().revoke('old')
    expect(shown(store.getState())).toEqual(['ready', ['here', 'phone', 'old'], true, null])
    await answer('revoke old', { sessions: 1, keys: 'revoked' })
    expect(shown(store.getState())[2]).toBe(true)
    await answer('devices', LIST.slice(1))
    expect(await revoked).toEqual({ sessions: 1, keys: 'revoked' })
    expect(shown(store.getState())).toEqual(['ready', ['here', 'phone'], false, null])
  })

  test('that fails is null with its code, and the list is loaded all the same: its answer may have been lost', async () => {
    const { store, answer } = await loaded()
    const revoked = store.getState().revokeOthers()
    await answer('revoke others', new LatchkeyError('SESSION_NOT_FRESH'))
    await answer('devices', LIST)
    expect(await revoked).toBeNull()
    expect(shown(store.getState())).toEqual(['ready', ['here', 'phone', 'old'], false, 'SESSION_NOT_FRESH'])
    const renamed = store.getState().rename('old', 'Old laptop')
    expect(shown(store.getState())[3]).toBeNull()
    await answer('rename old Old laptop', undefined)
    await answer('devices', LIST)
    await renamed
    expect(shown(store.getState())[3]).toBeNull()
  })

  test('while another one is running does nothing', async () => {
    const { store, open } = await loaded()
    void store.getState().revoke('old')
    expect(await store.getState().revoke('phone')).toBeNull()
    expect(open.map(({ call }) => call)).toEqual(['revoke old'])
  })

  test('of an account that is no longer current changes nothing that is shown', async () => {
    const { store, answer, become } = await loaded()
    void store.getState().revoke('old')
    become(signedIn('ben'))
    await answer('revoke old', offline)
    await answer('devices', [device('of ben', 1, true)])
    expect(shown(store.getState())).toEqual(['ready', ['of ben'], false, null])
  })

  test('with an invalid argument rejects, and is over', async () => {
    const { store, answer } = await loaded()
    const revoked = store.getState().revoke('old')
    const rejected = expect(revoked).rejects.toThrow(TypeError)
    await answer('revoke old', new TypeError('andThoseItLetIn: expected boolean'))
    await answer('devices', LIST)
    await rejected
    expect(shown(store.getState())).toEqual(['ready', ['here', 'phone', 'old'], false, null])
  })
})
