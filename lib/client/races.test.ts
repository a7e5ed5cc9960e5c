import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { createAuth } from '../index.ts'
import { memoryStore } from '../keystore/memory.ts'
import type { DeviceEntry, Keyring } from '../keystore/record.ts'
import { parseKeyring } from '../keystore/keyring.ts'
import type { RecordStore } from '../keystore/store.ts'
import { testDevice } from '../testing/device.ts'
import { createFaults, faultyStore } from '../testing/faulty-store.ts'
import { memoryAccountServer } from '../testing/memory-account.ts'
import type { AccountProvider } from './shared/account-provider.ts'
import { readPayload, testBrowser } from './client.testing.ts'
import { createAuthWith } from './create-auth.ts'
import {
  type FaultyDevice,
  type FaultyPage,
  type TestEnvironment,
  faultyDevice,
  openPage,
  testEnvironment,
} from './faults.testing.ts'
import type { AuthOptions } from './auth.ts'

let environment: TestEnvironment

beforeEach(() => {
  environment = testEnvironment()
})
afterEach(() => {
  environment.end()
  vi.useRealTimers()
  expect(environment.unhandled).toEqual([])
})

async function load(device: FaultyDevice, options?: AuthOptions): Promise<FaultyPage> {
  const page = openPage(device, options)
  await page.auth.ready
  await environment.idle(page.faults)
  return page
}

/** Two tabs of which the first hears nothing of the second, as one that was frozen. */
async function deafAndOther(
  prepare: (page: FaultyPage) => Promise<unknown> = async () => {},
): Promise<{ device: FaultyDevice; deaf: FaultyPage; other: FaultyPage }> {
  const device = await faultyDevice()
  const first = await load(device)
  await prepare(first)
  await environment.idle(first.faults)
  first.auth.close()
  vi.stubGlobal('BroadcastChannel', undefined)
  return { device, deaf: await load(device), other: await load(device) }
}

async function devicesOf(store: RecordStore): Promise<DeviceEntry[]> {
  return parseKeyring(await store.read())!.entries.filter((entry): entry is DeviceEntry => entry.kind === 'device')
}

const signUp = ({ auth, account }: FaultyPage): Promise<unknown> => auth.upgrade(() => account.signUp('ada'))

describe('a sign-out that the account server has not heard', () => {
  async function toDeliver(): Promise<FaultyDevice> {
    const device = await faultyDevice()
    const page = await load(device)
    await signUp(page)
    device.account.online = false
    await page.auth.signOut()
    await environment.idle(page.faults)
    page.auth.close()
    device.account.online = true
    return device
  }

  test('waits for a page that has an account provider: a worker without one does not drop it', async () => {
    const device = await toDeliver()
    const worker = createAuth({ keystore: device.store, audience: 'https://app.example' })
    await worker.ready
    await environment.idle()
    expect((await device.keyring())!.outbox).toMatchObject([{ accountId: 'account-1' }, { accountId: '*' }])
    expect(device.account.session).toBe('ada')
    const page = await load(device)
    expect((await device.keyring())!.outbox).toEqual([])
    expect(device.account.session).toBeNull()
    page.auth.close()
  })

  test('does not end the session of another user who has signed in on this browser since', async () => {
    const device = await toDeliver()
    device.clock.advance(1)
    device.server.accounts.set('bob', {
      accountId: 'bob',
      principal: 'bob',
      aliases: [],
      recoverable: false,
      claims: {},
    })
    device.account.setSession('bob')
    await load(device)
    expect((await device.keyring())!.outbox).toEqual([])
    expect(device.account.session).toBe('bob')
  })
})

describe('an answer about the session that comes late', () => {
  test('shows no session that another tab is about to end', async () => {
    const device = await faultyDevice()
    const account = { accountId: 'eve', principal: 'eve', aliases: [], recoverable: true, claims: {} }
    device.server.accounts.set('eve', account)
    const other = await load(device)
    device.account.setSession('eve')
    const page = openPage(device)
    page.faults.arm('answersLate', 'getSession')
    await page.auth.ready
    await environment.idle(page.faults)
    await other.auth.acceptAccount()
    expect(other.auth.getState().upgrade?.account).toMatchObject({ accountId: 'eve' })
    other.faults.arm('rejects', 'signOut')
    await other.auth.cancelUpgrade()
    page.faults.recover()
    await environment.idle(page.faults)
    expect((await device.keyring())!.outbox).toMatchObject([{ accountId: 'eve' }])
    expect(page.auth.getState().upgrade?.account).toBeUndefined()
    page.auth.close()
    other.auth.close()
  })

  test('shows no session that a sign-out of this tab has ended meanwhile', async () => {
    const { device, page } = await waitingForAnswer()
    await page.auth.signOut()
    page.faults.recover()
    await environment.idle(page.faults)
    expect(page.auth.getState().upgrade).toBeUndefined()
    expect(device.account.session).toBeNull()
    expect((await device.keyring())!.outbox).toEqual([])
    page.auth.close()
  })

  test('shows no session that a sign-out of another tab has ended meanwhile', async () => {
    const { device, page } = await waitingForAnswer()
    const other = await load(device)
    await other.auth.signOut()
    await environment.idle(other.faults)
    expect(device.account.session).toBeNull()
    // Reads the record, from which the sign-out is gone by now.
    await page.auth.listIdentities()
    page.faults.recover()
    await environment.idle(page.faults)
    expect(page.auth.getState()).toMatchObject({ authMode: 'anonymous', phase: 'ready' })
    expect(page.auth.getState().upgrade).toBeUndefined()
    page.auth.close()
    other.auth.close()
  })

  test('takes no session for one from before the first start, once another tab has signed out', async () => {
    const device = await faultyDevice()
    const account = { accountId: 'ada', principal: 'ada', aliases: [], recoverable: true, claims: {} }
    device.server.accounts.set('ada', account)
    const options = { migrateSessionsUntil: device.clock.now() + 60_000 }
    const page = openPage(device, options)
    page.faults.arm('answersLate', 'getSession')
    await page.auth.ready
    await environment.idle(page.faults)
    expect(page.faults.struck).toBe(true)
    const other = await load(device, options)
    await other.auth.signOut()
    await environment.idle(page.faults, other.faults)
    for (const clock of [device.clock, device.serverClock]) clock.advance(1)
    device.account.setSession('ada')
    page.faults.recover()
    await environment.idle(page.faults, other.faults)
    expect(page.auth.getState()).toMatchObject({
      authMode: 'anonymous',
      phase: 'pending',
      upgrade: { account: { accountId: 'ada' } },
    })
    page.auth.close()
    other.auth.close()
  })

  /** A page that has asked about the session of an account, and has not received the answer. */
  async function waitingForAnswer() {
    const device = await faultyDevice()
    const first = await load(device)
    first.auth.close()
    const account = { accountId: 'ada', principal: 'ada', aliases: [], recoverable: true, claims: {} }
    device.server.accounts.set('ada', account)
    device.account.setSession('ada')
    const page = openPage(device)
    page.faults.arm('answersLate', 'getSession')
    await page.auth.ready
    await environment.idle(page.faults)
    expect(page.faults.struck).toBe(true)
    return { device, page }
  }

  test('says nothing about the identity that took its place', async () => {
    const device = await faultyDevice()
    const first = await load(device)
    await signUp(first)
    first.auth.close()
    device.account.setSession(null)

    const page = openPage(device)
    page.faults.arm('answersLate', 'getSession')
    await page.auth.ready
    await environment.idle(page.faults)
    await page.auth.signOut()
    const session = await page.auth.ensureIdentity()
    page.faults.recover()
    await environment.idle(page.faults)
    expect(page.auth.getState()).toMatchObject({ authMode: 'local-first', session })
    expect(page.auth.getState().error).toBeUndefined()
  })

  test('says nothing about a sign-in that came after the question', async () => {
    const device = await faultyDevice()
    const first = await load(device)
    await signUp(first)
    device.account.setSession(null)
    first.auth.close()

    const page = openPage(device)
    page.faults.arm('answersLate', 'getSession')
    await page.auth.ready
    await environment.idle(page.faults)
    device.clock.advance(1)
    expect(await page.auth.upgrade(() => page.account.signIn('ada'))).toMatchObject({ outcome: 'upgraded' })
    page.faults.recover()
    await environment.idle(page.faults)
    expect(page.auth.getState().error).toBeUndefined()
  })
})

describe('a session that this device has not been told of', () => {
  /** The server has made a session for the upgrade, and the question about it fails. */
  async function failedAfterSignUp(options?: AuthOptions) {
    const device = await faultyDevice()
    const page = await load(device, options)
    page.faults.arm('rejects', 'getSession', 2)
    expect(await signUp(page)).toMatchObject({ outcome: 'failed', error: { code: 'OFFLINE' } })
    page.faults.disarm()
    expect(device.account.session).toBe('ada')
    return { device, page }
  }

  test.each([{}, { forget: true }])('ends with a sign-out: %j', async (how) => {
    const { device, page } = await failedAfterSignUp()
    device.account.online = false
    await page.auth.signOut(how)
    await environment.idle(page.faults)
    page.auth.close()
    device.account.online = true
    const next = await load(device)
    expect(next.auth.getState()).toMatchObject({ authMode: 'anonymous', phase: 'ready' })
    expect(next.auth.getState().upgrade).toBeUndefined()
    expect(device.account.session).toBeNull()
    expect((await device.keyring())!.outbox).toEqual([])
    next.auth.close()
  })

  test('ends with a sign-out without an identity', async () => {
    const { device, page } = await failedAfterSignUp({ initialMode: 'anonymous' })
    await page.auth.signOut()
    await environment.idle(page.faults)
    expect(device.account.session).toBeNull()
    page.auth.close()
  })

  test.each([0, 1])('ends if another tab signs out %i ms before `run` makes it', async (ms) => {
    const device = await faultyDevice()
    const [here, there] = [await load(device), await load(device)]
    const result = await here.auth.upgrade(async () => {
      await there.auth.signOut()
      await environment.idle(here.faults, there.faults)
      for (const clock of [device.clock, device.serverClock]) clock.advance(ms)
      return here.account.signUp('ada')
    })
    expect(result).toMatchObject({ outcome: 'failed', error: { code: 'IDENTITY_CHANGED' } })
    await environment.idle(here.faults, there.faults)
    expect(device.account.session).toBeNull()
    expect((await device.keyring())!.outbox).toEqual([])
    for (const { auth } of [here, there]) {
      expect(auth.getState().upgrade?.account).toBeUndefined()
      auth.close()
    }
  })

  test('ends too if the account server does not say who made it', async () => {
    const device = await faultyDevice()
    const ada = { accountId: 'ada', principal: 'own', aliases: [], recoverable: true, claims: {} }
    device.server.accounts.set('ada', ada)
    const { provider } = device.account
    const getSession: AccountProvider['getSession'] = async (options) => {
      const found = await provider.getSession(options)
      return found && { ...found, provenBy: null }
    }
    const account = { ...provider, getSession }
    const [here, there] = [await load(device, { account }), await load(device, { account })]
    const result = await here.auth.upgrade(async () => {
      await there.auth.signOut()
      await environment.idle(here.faults, there.faults)
      for (const clock of [device.clock, device.serverClock]) clock.advance(1)
      return device.account.signIn('ada')
    })
    expect(result).toMatchObject({ outcome: 'failed', error: { code: 'IDENTITY_CHANGED' } })
    await environment.idle(here.faults, there.faults)
    expect(device.account.session).toBeNull()
    expect((await device.keyring())!.outbox).toEqual([])
    for (const { auth } of [here, there]) {
      expect(auth.getState().upgrade?.account).toBeUndefined()
      auth.close()
    }
  })

  test('stays if the user restores another identity in another tab while `run` makes it', async () => {
    const device = await faultyDevice()
    const [here, there] = [await load(device), await load(device)]
    const { secret } = await testDevice()
    const result = await here.auth.upgrade(async () => {
      await there.auth.importSecret(secret, { replace: true })
      return here.account.signUp('ada')
    })
    expect(result).toMatchObject({ outcome: 'failed', error: { code: 'IDENTITY_CHANGED' } })
    await environment.idle(here.faults, there.faults)
    expect(device.account.session).toBe('ada')
    expect(here.auth.getState().upgrade?.account).toMatchObject({ accountId: 'account-1' })
    here.auth.close()
    there.auth.close()
  })

  /** Signed out without a network; a day later the app itself signs the next user in. */
  async function nextUserSignsIn(before?: (device: FaultyDevice) => void) {
    const device = await faultyDevice()
    const page = await load(device)
    device.account.online = false
    await page.auth.signOut()
    await environment.idle(page.faults)
    page.auth.close()
    before?.(device)
    for (const clock of [device.clock, device.serverClock]) clock.advance(86_400_000)
    const bob = { accountId: 'bob', principal: 'bob', aliases: [], recoverable: true, claims: {} }
    device.server.accounts.set('bob', bob)
    device.account.setSession('bob')
    for (const clock of [device.clock, device.serverClock]) clock.advance(1000)
    device.account.online = true
    const next = await load(device)
    expect(device.account.session).toBe('bob')
    expect(next.auth.getState().upgrade?.account).toMatchObject({ accountId: 'bob' })
    expect((await device.keyring())!.outbox).toEqual([])
    next.auth.close()
  }

  test('is not ended by a sign-out from before it', () => nextUserSignsIn())

  test('is not ended by a sign-out from before it, although the clock was set back since', () =>
    nextUserSignsIn(({ clock }) => clock.advance(-2 * 86_400_000)))

  test('takes no look at the account server where the app has no account provider', async () => {
    const device = await faultyDevice()
    const auth = createAuth({ keystore: device.store, audience: 'https://app.example' })
    await auth.ready
    await auth.signOut()
    expect((await device.keyring())!.outbox).toEqual([])
    auth.close()
  })
})

describe('a tab that has not heard what another one did', () => {
  test('gives no key of an identity that is not current any more', async () => {
    const { device, deaf, other } = await deafAndOther()
    const before = deaf.auth.getState().session!.principal
    await other.auth.signOut()
    const { principal } = await other.auth.ensureIdentity()
    await expect(deaf.auth.deriveKey('notes')).rejects.toMatchObject({ code: 'IDENTITY_CHANGED' })
    expect(
      (await devicesOf(device.store)).filter(({ derived }) => derived).map((entry) => entry.principal),
    ).not.toContain(principal)
    expect(before).not.toBe(principal)
  })

  test('gives no key of an identity that it never showed, although a write has told it of that one', async () => {
    const { device, deaf, other } = await deafAndOther()
    await other.auth.signOut()
    const session = await other.auth.ensureIdentity()
    await deaf.auth.markWritten()
    await expect(deaf.auth.deriveKey('notes')).rejects.toMatchObject({ code: 'IDENTITY_CHANGED' })
    expect((await devicesOf(device.store)).filter(({ derived }) => derived)).toEqual([])
    expect(deaf.auth.getState()).toMatchObject({ authMode: 'local-first', session })
  })

  test('deletes no identity that it never showed, although a write has told it of that one', async () => {
    const { device, deaf, other } = await deafAndOther()
    await other.auth.signOut()
    const { principal } = await other.auth.ensureIdentity()
    await deaf.auth.markWritten()
    await expect(deaf.auth.signOut({ forget: true })).rejects.toMatchObject({ code: 'IDENTITY_CHANGED' })
    expect((await device.keyring())!.current).toBe(`device:${principal}`)
    expect((await devicesOf(device.store)).map((entry) => entry.principal)).toContain(principal)
  })

  test('ends no session that it never showed, although a write has told it of the account', async () => {
    const { device, deaf, other } = await deafAndOther()
    await signUp(other)
    await deaf.auth.markWritten()
    await expect(deaf.auth.signOut()).rejects.toMatchObject({ code: 'IDENTITY_CHANGED' })
    expect(await device.keyring()).toMatchObject({ current: 'account:account-1', outbox: [] })
    expect(device.account.session).toBe('ada')
  })

  test('marks the identity whose key it derives, although an account has it by now: the sign-out keeps it', async () => {
    const { device, deaf, other } = await deafAndOther()
    await signUp(other)
    device.server.accounts.get('ada')!.recoverable = true
    const key = await deaf.auth.deriveKey('notes')
    expect(await devicesOf(device.store)).toMatchObject([{ derived: true }])
    const page = await load(device)
    await page.auth.signOut()
    expect(await devicesOf(device.store)).toHaveLength(1)
    await page.auth.ensureIdentity({ resume: (await devicesOf(device.store))[0]!.principal })
    expect(await page.auth.deriveKey('notes')).toEqual(key)
  })

  test('marks who wrote, not who is current by now', async () => {
    const { device, deaf, other } = await deafAndOther()
    const before = deaf.auth.getState().session!.principal
    await other.auth.signOut()
    const { principal } = await other.auth.ensureIdentity()
    await deaf.auth.markWritten()
    const wrote = (await devicesOf(device.store)).filter((entry) => entry.wrote).map((entry) => entry.principal)
    expect(wrote).toEqual([before])
    expect(wrote).not.toContain(principal)
  })

  test('signs nothing for one identity under the name of another', async () => {
    const { deaf, other } = await deafAndOther()
    await other.auth.signOut()
    const { principal } = await other.auth.ensureIdentity()
    // This reads the record, and so knows the new identity.
    await deaf.auth.listIdentities()
    const token = await deaf.auth.getToken()
    expect(readPayload(token!)['sub']).toBe(deaf.auth.getState().session?.principal)
    expect(deaf.auth.getState().session).toMatchObject({ principal })
  })

  test('looks again before a new token, after the clock was put back too', async () => {
    const { device, deaf, other } = await deafAndOther()
    await other.auth.signOut()
    device.clock.advance(-3_600_000)
    await expect(deaf.auth.getToken({ fresh: true })).rejects.toMatchObject({ code: 'IDENTITY_CHANGED' })
    expect(deaf.auth.getState()).toMatchObject({ authMode: 'anonymous', session: null })
  })
})

describe('a tab that hears of a sign-out', () => {
  async function twoTabsSignedUp() {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const device = await faultyDevice()
    const [here, there] = [await load(device), await load(device)]
    await signUp(there)
    const idle = () => environment.idle(here.faults, there.faults)
    await idle()
    expect(here.auth.getState().authMode).toBe('external')
    return { device, here, there, idle }
  }

  test('reads the record again if it could not be read', async () => {
    const { here, there, idle } = await twoTabsSignedUp()
    here.faults.arm('rejects', 'read')
    await there.auth.signOut()
    await idle()
    expect(here.faults.struck).toBe(true)
    expect(here.auth.getState().authMode).toBe('external')
    vi.advanceTimersByTime(1000)
    await idle()
    expect(here.auth.getState()).toMatchObject({ authMode: 'anonymous', session: null })
    here.auth.close()
    there.auth.close()
  })

  test('reads it three seconds after a repetition that failed too, however many messages came', async () => {
    const { device, here, there, idle } = await twoTabsSignedUp()
    const channel = new BroadcastChannel(device.store.channel!)
    const failing = async (act: () => unknown): Promise<void> => {
      here.faults.arm('rejects', 'read')
      act()
      await idle()
      expect(here.faults.struck).toBe(true)
    }
    for (let message = 0; message < 6; message++) await failing(() => channel.postMessage('changed'))
    await failing(() => vi.advanceTimersByTime(1000))
    here.faults.disarm()
    vi.advanceTimersByTime(3000)
    await idle()
    expect(here.faults.operations).toContain('read')
    channel.close()
    here.auth.close()
    there.auth.close()
  })

  test('delivers it if the other tab is gone', async () => {
    const { device, here, there, idle } = await twoTabsSignedUp()
    device.account.online = false
    await there.auth.signOut()
    await idle()
    there.auth.close()
    await idle()
    device.account.online = true
    vi.advanceTimersByTime(5000)
    await idle()
    expect(device.account.session).toBeNull()
    expect((await device.keyring())!.outbox).toEqual([])
    here.auth.close()
  })
})

describe('the identity that an upgrade began with', () => {
  test.each(['signs out', 'gets another identity'])(
    'is the only one that the account is bound to if another tab %s while `run` goes on',
    async (how) => {
      const device = await faultyDevice()
      const ada = { accountId: 'ada', principal: 'own', aliases: [], recoverable: false, claims: {}, open: true }
      device.server.accounts.set('ada', ada)
      const [here, there] = [await load(device), await load(device)]
      const result = await here.auth.upgrade(async () => {
        await there.auth.signOut()
        if (how === 'gets another identity') await there.auth.ensureIdentity()
        await environment.idle(here.faults, there.faults)
        return here.account.signIn('ada')
      })
      expect(result).toMatchObject({ outcome: 'failed', error: { code: 'IDENTITY_CHANGED' } })
      expect(device.server.accounts.get('ada')).toMatchObject({ principal: 'own', open: true })
    },
  )

  test('is the only one that is linked if another tab gets another identity while a decision is carried out', async () => {
    const device = await faultyDevice()
    const ada = { accountId: 'ada', principal: 'own', aliases: [], recoverable: true, claims: {} }
    device.server.accounts.set('ada', ada)
    const [here, there] = [await load(device), await load(device)]
    await here.auth.markWritten()
    expect(await here.auth.upgrade(() => here.account.signIn('ada'))).toMatchObject({ outcome: 'conflict' })
    await environment.idle(here.faults, there.faults)
    // The answer right before the link.
    here.faults.arm('answersLate', 'getSession', 2)
    const decided = here.auth.resolveConflict('adopt')
    await environment.idle(here.faults)
    expect(here.faults.struck).toBe(true)
    await there.auth.signOut()
    await there.auth.ensureIdentity()
    await environment.idle(here.faults, there.faults)
    here.faults.recover()
    expect(await decided).toMatchObject({ outcome: 'failed', error: { code: 'IDENTITY_CHANGED' } })
    expect(device.server.accounts.get('ada')!.aliases).toEqual([])
    await environment.idle(here.faults, there.faults)
  })
})

describe('an upgrade that waits for another tab', () => {
  /** A tab that holds the lock until `finish`, as with a popup, and two others. */
  async function threeTabs(options?: AuthOptions) {
    const device = await faultyDevice()
    const [here, there, third] = [await load(device, options), await load(device, options), await load(device, options)]
    let [finish, begin] = [(): void => {}, (): void => {}]
    const gate = new Promise<void>((resolve) => (finish = resolve))
    const begun = new Promise<void>((resolve) => (begin = resolve))
    const busy = third.auth.upgrade(() => (begin(), gate))
    await begun
    const idle = () => environment.idle(here.faults, there.faults, third.faults)
    const run = vi.fn(() => here.account.signUp('ada'))
    return { device, here, there, busy, finish, idle, run }
  }

  test.each(['signs out', 'gets another identity'])(
    'is of the identity that was shown when the app asked: not if a third one %s meanwhile',
    async (how) => {
      const { here, there, busy, finish, idle, run } = await threeTabs()
      const waited = here.auth.upgrade(run)
      await there.auth.signOut()
      if (how === 'gets another identity') await there.auth.ensureIdentity()
      await idle()
      finish()
      await busy
      expect(await waited).toMatchObject({ outcome: 'failed', error: { code: 'IDENTITY_CHANGED' } })
      expect(run).not.toHaveBeenCalled()
    },
  )

  test('goes on if the first identity of the device is made meanwhile', async () => {
    const { here, busy, finish, idle, run } = await threeTabs({ initialMode: 'anonymous' })
    const ensured = here.auth.ensureIdentity()
    const waited = here.auth.upgrade(run)
    const { principal } = await ensured
    await idle()
    finish()
    await busy
    expect(await waited).toMatchObject({ outcome: 'upgraded', session: { principal } })
  })
})

describe('an account that waits in one tab, and not in the other,', () => {
  /** Of an account server that does not tell how old a session is. */
  async function waitingHere() {
    const device = await faultyDevice()
    const { provider } = device.account
    const getSession: AccountProvider['getSession'] = async (options) => {
      const { age: _, ...found } = (await provider.getSession(options)) ?? {}
      return 'accountId' in found ? found : null
    }
    const account = { ...provider, getSession }
    const [here, there] = [await load(device, { account }), await load(device, { account })]
    device.server.accounts.set('ada', {
      accountId: 'ada',
      principal: 'ada',
      aliases: [],
      recoverable: true,
      claims: {},
    })
    device.account.setSession('ada')
    // Shows it.
    await here.auth.acceptAccount()
    expect(here.auth.getState().upgrade?.account).toMatchObject({ accountId: 'ada' })
    expect(there.auth.getState().upgrade).toBeUndefined()
    return { device, here, there }
  }

  test('leaves with a sign-out in the other', async () => {
    const { device, here, there } = await waitingHere()
    await there.auth.signOut()
    await environment.idle(here.faults, there.faults)
    expect(device.account.session).toBeNull()
    expect((await device.keyring())!.outbox).toEqual([])
    expect(here.auth.getState().upgrade).toBeUndefined()
  })

  test('leaves with it too if the next identity is there before this tab hears of either', async () => {
    const { device, here, there } = await waitingHere()
    here.faults.arm('rejects', 'read')
    await there.auth.signOut()
    await environment.idle(here.faults, there.faults)
    expect(here.faults.struck).toBe(true)
    expect(device.account.session).toBe('ada')
    await there.auth.ensureIdentity()
    await environment.idle(here.faults, there.faults)
    expect(device.account.session).toBeNull()
  })

  test('stays if the user restores another identity in the other', async () => {
    const { device, here, there } = await waitingHere()
    const { secret, principal } = await testDevice()
    await there.auth.importSecret(secret, { replace: true })
    await environment.idle(here.faults, there.faults)
    expect(here.auth.getState().session).toMatchObject({ principal })
    expect(device.account.session).toBe('ada')
  })
})

describe('what an identity holds', () => {
  test('counts up to the moment when it is set aside', async () => {
    const { device, other: page } = await deafAndOther()
    device.server.accounts.set('bob', {
      accountId: 'bob',
      principal: 'bob',
      aliases: [],
      recoverable: false,
      claims: {},
    })
    const { session } = page.auth.getState()
    const result = await page.auth.upgrade(async () => {
      await page.auth.markWritten()
      return page.account.signIn('bob')
    })
    expect(result).toMatchObject({ outcome: 'conflict' })
    expect(page.auth.getState()).toMatchObject({ authMode: 'local-first', session })
    await environment.idle(page.faults)
    expect((await device.keyring())!.entries.map(({ kind }) => kind)).toEqual(['device'])
  })

  test('counts while the app is still asked about it', async () => {
    const device = await faultyDevice()
    device.server.accounts.set('bob', {
      accountId: 'bob',
      principal: 'bob',
      aliases: [],
      recoverable: false,
      claims: {},
    })
    const page = await load(device, {
      async describeLocal() {
        await page.auth.markWritten()
        return { items: 0 }
      },
    })
    expect(await page.auth.upgrade(() => page.account.signIn('bob'))).toMatchObject({ outcome: 'conflict' })
    expect(page.auth.getState().authMode).toBe('local-first')
  })

  test('counts what it wrote as an account, once the account is left', async () => {
    const device = await faultyDevice()
    device.server.accounts.set('bob', {
      accountId: 'bob',
      principal: 'bob',
      aliases: [],
      recoverable: false,
      claims: {},
    })
    const page = await load(device)
    const { principal } = page.auth.getState().session!
    await signUp(page)
    await page.auth.fetch('https://app.example/notes', { method: 'PUT' })
    await page.auth.signOut()
    await page.auth.ensureIdentity({ resume: principal })
    expect(await page.auth.upgrade(() => page.account.signIn('bob'))).toMatchObject({ outcome: 'conflict' })
  })
})

describe('deriveKey', () => {
  test('gives the same after an upgrade, over a reload and a hardening', async () => {
    const device = await faultyDevice()
    const page = await load(device)
    const key = await page.auth.deriveKey('notes')
    await page.auth.confirmBackup(await page.auth.exportSecret())
    await signUp(page)
    expect(await page.auth.deriveKey('notes')).toEqual(key)
    device.server.accounts.get('ada')!.recoverable = true
    const later = await load(device)
    expect(later.auth.getState().storage.protection).toBe('hardened')
    expect(await later.auth.deriveKey('notes')).toEqual(key)
  })

  test('has nothing to give where the account came from another device', async () => {
    const device = await faultyDevice()
    const page = await load(device, { initialMode: 'anonymous' })
    await signUp(page)
    await expect(page.auth.deriveKey('notes')).rejects.toMatchObject({ code: 'IDENTITY_UNKNOWN' })
  })
})

describe('a token that was refused', () => {
  test('is not given again out of the record', async () => {
    const page = await load(await faultyDevice())
    await signUp(page)
    const first = await page.auth.getToken()
    const other = await load({ ...(await faultyDevice()) })
    other.auth.close()
    page.auth.reportToken('invalid')
    const asked = page.account.calls.filter((call) => call === 'getToken').length
    expect(await page.auth.getToken()).toBe(first) // The same bytes, since the clock stands still, and yet a fresh one.
    expect(page.account.calls.filter((call) => call === 'getToken')).toHaveLength(asked + 1)
    expect(page.auth.getState().error).toBeUndefined()
  })

  test('is one refresh for all tabs that had it', async () => {
    const device = await faultyDevice()
    const [here, there] = [await load(device), await load(device)]
    await signUp(here)
    await here.auth.getToken()
    await there.auth.getToken()
    device.clock.advance(2000)
    device.serverClock.advance(2000)
    const asked = here.account.calls.filter((call) => call === 'getToken').length
    for (const { auth } of [here, there]) auth.reportToken('invalid')
    const [one, other] = await Promise.all([here.auth.getToken(), there.auth.getToken()])
    expect(one).toBe(other)
    expect(here.account.calls.filter((call) => call === 'getToken')).toHaveLength(asked + 1)
  })

  test('does not hide that the session is gone', async () => {
    const device = await faultyDevice()
    const first = await load(device)
    await signUp(first)
    await first.auth.getToken()
    device.account.setSession(null)
    const page = await load(device)
    expect(page.auth.getState().error).toBe('missing')
    await expect(page.auth.getToken()).rejects.toMatchObject({ code: 'SESSION_MISSING' })
    expect(page.auth.getState().error).toBe('missing')
  })
})

describe('a problem of the storage', () => {
  function full(): { store: RecordStore; isFull: boolean } {
    const inner = memoryStore()
    const world = {
      isFull: true,
      store: {
        ...inner,
        update: async <Value>(updater: (found: unknown) => Value) => (check(), inner.update(updater)),
      } as RecordStore,
    }
    const check = (): void => {
      if (world.isFull)
        throw Object.assign(new Error('full'), { [Symbol.for('latchkey.error')]: true, code: 'KEYSTORE_FULL' })
    }
    return world
  }

  test('that kept the first identity from being made stays until one is made, although reading works', async () => {
    const world = full()
    const auth = await testBrowser(undefined, undefined, world.store).load()
    await auth.listIdentities()
    expect(auth.getState()).toMatchObject({ session: null, storage: { problem: 'KEYSTORE_FULL' } })
    world.isFull = false
    await auth.ensureIdentity()
    expect(auth.getState().storage.problem).toBeUndefined()
  })

  test('a full disk is full until a write works', async () => {
    const world = full()
    world.isFull = false
    const auth = await testBrowser(undefined, undefined, world.store).load()
    world.isFull = true
    await auth.markWritten().catch(() => {})
    await auth.listIdentities()
    expect(auth.getState().storage.problem).toBe('KEYSTORE_FULL')
    world.isFull = false
    await auth.markWritten()
    expect(auth.getState().storage.problem).toBeUndefined()
  })

  test('is over on a first visit that wants no identity', async () => {
    const faults = createFaults()
    faults.arm('rejects')
    const auth = await testBrowser(undefined, undefined, faultyStore(memoryStore(), faults)).load({
      initialMode: 'anonymous',
    })
    await auth.listIdentities()
    expect(auth.getState().storage.problem).toBeUndefined()
  })
})

describe('a sign-out whose answer from the store was lost', () => {
  test('is a sign-out: no identity is current, and the account server hears of it', async () => {
    const device = await faultyDevice()
    const page = await load(device)
    await signUp(page)
    page.faults.arm('answerLost', 'update')
    await page.auth.signOut()
    await environment.idle(page.faults)
    expect(page.auth.getState()).toMatchObject({ authMode: 'anonymous', phase: 'ready' })
    expect(device.account.session).toBeNull()
  })
})

describe('a request to the account server that never ends', () => {
  test('does not keep the next act waiting for ever, where there are no Web Locks either', async () => {
    vi.stubGlobal('navigator', undefined)
    const device = await faultyDevice()
    const page = await load(device)
    await signUp(page)
    page.faults.arm('hangs', 'signOut')
    await page.auth.signOut()
    await environment.idle(page.faults)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const running = page.auth.upgrade(() => page.account.signIn('ada'))
    await environment.idle(page.faults)
    vi.advanceTimersByTime(10_000)
    expect(await running).toMatchObject({ outcome: 'failed', error: { code: 'UPGRADE_IN_PROGRESS' } })
    page.faults.recover()
    await environment.idle(page.faults)
    expect(await page.auth.upgrade(() => page.account.signIn('ada'))).toMatchObject({ outcome: 'switched' })
  })
})

describe.each([true, false])('a request that never gets an answer (Web Locks: %s)', (hasLocks) => {
  beforeEach(() => {
    environment.end()
    environment = testEnvironment({ hasLocks })
  })

  test('of the first look holds up no sign-up, in no tab', async () => {
    const device = await faultyDevice()
    const stuck = openPage(device)
    stuck.faults.arm('hangs', 'getSession')
    await stuck.auth.ready
    await environment.idle(stuck.faults)
    expect(stuck.faults.struck).toBe(true)
    const other = await load(device)
    expect(await signUp(other)).toMatchObject({ outcome: 'upgraded' })
    await other.auth.signOut()
    await other.auth.ensureIdentity()
    await environment.idle(other.faults)
    const signIn = (): unknown => stuck.account.signUp('bob')
    expect(await stuck.auth.upgrade(signIn)).toMatchObject({ outcome: 'upgraded' })
  })

  test('of a background look that was about to use a session holds up no sign-up, in no tab', async () => {
    const device = await faultyDevice()
    const first = await load(device)
    await first.auth.upgrade(() => first.account.requestLink('ada@example.com'))
    const { principal } = first.auth.getState().session!
    device.server.accounts.set('ada', {
      accountId: 'ada',
      principal,
      aliases: [],
      recoverable: true,
      claims: {},
      identifiers: ['ada@example.com'],
    })
    device.account.setSession('ada')
    const stuck = openPage(device)
    // The first answer makes it ask again with the lock.
    stuck.faults.arm('hangs', 'getSession', 2)
    await stuck.auth.ready
    await environment.idle(stuck.faults)
    expect(stuck.faults.struck).toBe(true)
    const page = hasLocks ? first : stuck
    expect(await page.auth.upgrade(() => page.account.signIn('ada'))).toMatchObject({ outcome: 'upgraded' })
  })

  test('ends the wait for a token in bounded time, and the next caller asks anew', async () => {
    const device = await faultyDevice()
    const page = await load(device)
    await signUp(page)
    page.faults.arm('hangs', 'getToken')
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const waiting = page.auth.getToken().catch((error: unknown) => error)
    await environment.idle(page.faults)
    vi.advanceTimersByTime(10_000)
    expect(await waiting).toMatchObject({ code: 'OFFLINE' })
    expect(await page.auth.getToken()).toEqual(expect.any(String))
  })

  const acts: Readonly<Record<string, (page: FaultyPage) => Promise<unknown>>> = {
    getSession: ({ auth, account }) => auth.upgrade(() => account.signIn('ada')),
    bind: ({ auth, account }) => auth.upgrade(() => account.signIn('open')),
    link: ({ auth }) => auth.resolveConflict('adopt'),
    unlink: ({ auth }) => auth.unlinkAlias(auth.getState().session!.principals[1]!),
    exchange: ({ auth }) => auth.getToken({ audience: 'exchanged', fresh: true }),
    signOut: ({ auth, account }) => auth.upgrade(() => account.signIn('ada')),
  }
  for (const [operation, act] of Object.entries(acts)) {
    test(`to ${operation} ends its act in bounded time`, async () => {
      const device = await faultyDevice()
      const accountOf = (accountId: string) => ({
        accountId,
        principal: accountId,
        aliases: [`${accountId}-alias`],
        recoverable: true,
        claims: {},
      })
      device.server.accounts.set('ada', accountOf('ada'))
      device.server.accounts.set('open', { ...accountOf('open'), open: true })
      const page = await load(device, {
        ...(operation === 'link' && { describeLocal: () => ({ items: 1 }) }),
        audiences: { 'https://exchanged.example': { audience: 'exchanged', via: 'exchange' } },
      })
      if (operation === 'link' || operation === 'unlink' || operation === 'signOut')
        await page.auth.upgrade(() => page.account.signIn('ada'))
      await environment.idle(page.faults)
      if (operation === 'signOut') {
        device.account.online = false
        await page.auth.signOut()
        await environment.idle(page.faults)
        device.account.online = true
      }
      page.faults.arm('hangs', operation)
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      let ended: unknown
      void act(page)
        .catch((error: unknown) => ({ error }))
        .then((value) => (ended = value))
      await environment.idle(page.faults)
      expect(page.faults.struck).toBe(true)
      vi.advanceTimersByTime(10_000)
      await environment.idle(page.faults)
      expect(ended).toMatchObject({ error: { code: 'OFFLINE' } })
    })
  }
})

test('eight tabs at a slow server hold up no sign-up', async () => {
  const device = await faultyDevice()
  const pages = Array.from({ length: 8 }, () => openPage(device))
  for (const { faults } of pages) faults.arm('answersLate', 'getSession')
  await Promise.all(pages.map(({ auth }) => auth.ready))
  await environment.idle(...pages.map(({ faults }) => faults))
  expect(await signUp(pages[7]!)).toMatchObject({ outcome: 'upgraded' })
  for (const { faults } of pages) faults.recover()
  await environment.idle(...pages.map(({ faults }) => faults))
  expect(pages.map(({ auth }) => auth.getState().authMode)).toEqual(Array(8).fill('external'))
})

test('a part of the client that never loads ends every call in bounded time, and is loaded anew', async () => {
  let loads = 0
  const auth = createAuthWith(() =>
    loads++ < 2 ? new Promise<never>(() => {}) : import('./lazy.ts').then(({ later }) => later),
  )({
    keystore: memoryStore(),
    audience: 'https://app.example',
  })
  await auth.ready
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const codeOf = (error: unknown): unknown => (error as { code?: unknown }).code
  const calls = [auth.exportSecret().catch(codeOf), auth.fetch('https://app.example/').catch(codeOf)]
  await environment.idle()
  vi.advanceTimersByTime(10_000)
  expect(await Promise.all(calls)).toEqual(['OFFLINE', 'OFFLINE'])
  const again = auth.exportSecret().catch(codeOf)
  await environment.idle()
  vi.advanceTimersByTime(10_000)
  expect(await again).toBe('OFFLINE')
  expect(await auth.exportSecret()).toEqual(expect.any(String))
})

test('a part of the client that could not be loaded at the start is connected by the first call that loads it', async () => {
  const device = await faultyDevice()
  let isThere = false
  const auth = createAuthWith(async () => {
    if (isThere) return import('./lazy.ts').then(({ later }) => later)
    throw new TypeError('Failed to fetch dynamically imported module')
  })({ keystore: device.store, account: device.account.provider, audience: 'https://app.example' })
  await auth.ready
  await environment.idle()
  expect(device.account.calls).toEqual([])
  await expect(auth.exportSecret()).rejects.toMatchObject({ code: 'OFFLINE' })
  isThere = true
  await auth.exportSecret()
  await environment.idle()
  expect(device.account.calls).toEqual(['getSession'])
  auth.close()
})

test('what failed in the background is tried again, without an event of the network', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const device = await faultyDevice()
  const first = await load(device)
  await signUp(first)
  await first.auth.signOut()
  await environment.idle(first.faults)
  const principal = first.auth.getState().session
  expect(principal).toBeNull()
  device.account.setSession('ada')
  device.account.online = false
  const page = await load(device)
  expect(page.auth.getState().upgrade?.account).toBeUndefined()
  device.account.online = true
  vi.advanceTimersByTime(5000)
  await environment.idle(page.faults)
  expect(page.auth.getState().upgrade?.account).toMatchObject({ accountId: 'account-1' })
  page.auth.close()
  vi.advanceTimersByTime(1_000_000)
})

describe('a page that was closed', () => {
  test('still does what it is asked, and announces nothing', async () => {
    const device = await faultyDevice()
    const page = await load(device, { harden: 'always' })
    page.auth.close()
    await environment.idle(page.faults)
    await page.auth.signOut()
    await page.auth.ensureIdentity()
    await environment.idle(page.faults)
    expect(page.auth.getState()).toMatchObject({ authMode: 'local-first', phase: 'ready' })
  })

  test('before it was ready hears nothing of other tabs', async () => {
    const device = await faultyDevice()
    const closed = openPage(device)
    closed.auth.close()
    await closed.auth.ready
    await environment.idle(closed.faults)
    const other = await load(device)
    closed.faults.disarm()
    await other.auth.markWritten()
    await other.auth.signOut()
    await environment.idle(closed.faults, other.faults)
    expect(closed.faults.operations).toEqual([])
  })

  test('without the part that loads later leaves quietly', async () => {
    const auth = createAuthWith(() => Promise.reject(new Error('no network')))({
      keystore: memoryStore(),
      audience: 'https://app.example',
    })
    await auth.ready
    auth.close()
    await environment.idle()
    expect(environment.unhandled).toEqual([])
  })
})

test('an item of the outbox is not forgotten by a tab that only reads', async () => {
  const server = memoryAccountServer()
  const browser = testBrowser(server)
  await browser.store.update((): Keyring => ({
    v: 1,
    current: null,
    entries: [],
    intent: null,
    outbox: [{ id: 'one', kind: 'sign-out', accountId: 'ada', createdAt: 1 }],
  }))
  browser.account.online = false
  const auth = await browser.load()
  expect(await auth.listIdentities()).toEqual([])
  expect(await browser.store.read()).toMatchObject({ outbox: [{ id: 'one' }] })
})
