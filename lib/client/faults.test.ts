import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Keyring } from '../keystore/record.ts'
import type { Fault } from '../testing/faulty-store.ts'
import { testDevice } from '../testing/device.ts'
import { createRecovery } from '../recovery/create-recovery.ts'
import { toPhrase } from '../recovery/phrase.ts'
import { type FakeCredential, fakeAuthenticator } from '../passkey/authenticator.testing.ts'
import { createCredential, evaluate } from '../passkey/ceremonies.ts'
import { keysOf, seal } from '../passkey/envelope.ts'
import { createPasskeyBackup } from '../passkey/create-passkey-backup.ts'
import type { Auth } from './auth.ts'
import {
  type FaultyDevice,
  type FaultyPage,
  type Seed,
  type TestEnvironment,
  brokenIn,
  devicesIn,
  essenceOf,
  faultyDevice,
  openPage,
  testEnvironment,
} from './faults.testing.ts'
import type { AuthOptions } from './auth.ts'

const FAULTS: readonly Fault[] = ['rejects', 'answerLost', 'dies', 'hangs', 'answersLate']

/** Something that a person or an app does, or that happens by itself when a page loads. */
interface Action {
  /** How the device came to where it is. */
  readonly before?: (device: FaultyDevice) => Promise<unknown>
  readonly options?: AuthOptions
  /** What is done on a page that is at rest. Without it, the page load itself is what is done. */
  readonly act?: (page: FaultyPage, device: FaultyDevice) => Promise<unknown>
  /** How the same page gets there once the fault is over; defaults to `act`. */
  readonly again?: (page: FaultyPage, device: FaultyDevice) => Promise<unknown>
  /**
   * How many states of the record there are from before to after; 2 where it is one transaction, 1 where nothing
   * changes.
   */
  readonly states: number
}

const load = async (device: FaultyDevice, options: AuthOptions = {}): Promise<FaultyPage> => {
  const page = openPage(device, { harden: 'never', ...options })
  await page.auth.ready
  await environment.idle(page.faults)
  return page
}

/** Uses the device in one page, and closes it. */
const using =
  (work: (page: FaultyPage, device: FaultyDevice) => Promise<unknown>, options?: AuthOptions) =>
  async (device: FaultyDevice): Promise<void> => {
    const page = await load(device, options)
    await work(page, device)
    await environment.idle(page.faults)
    page.auth.close()
    await environment.idle(page.faults)
  }

const restore = async ({ auth, account }: FaultyPage, { clock }: FaultyDevice): Promise<unknown> => {
  const recovery = createRecovery(auth, { account: account.provider, clock: clock.now })
  const preview = await recovery.readPhrase(await toPhrase(other.secret))
  return recovery.importPhrase(preview, { replace: true, evenIfUnknown: true })
}
const restoreByPasskey = async ({ auth, account }: FaultyPage, { clock }: FaultyDevice): Promise<unknown> => {
  fakeAuthenticator().credentials.push(...sealedElsewhere.credentials)
  const passkeys = createPasskeyBackup(auth, { app: 'Notes', account: account.provider, clock: clock.now })
  const preview = await passkeys.readFile(sealedElsewhere.file)
  return passkeys.importBackup(preview, { replace: true, evenIfUnknown: true })
}
const signUp = ({ auth, account }: FaultyPage): Promise<unknown> => auth.upgrade(() => account.signUp('ada'))
const signIn =
  (name: string) =>
  ({ auth, account }: FaultyPage): Promise<unknown> =>
    auth.upgrade(() => account.signIn(name))
const recoverable = async ({ server }: FaultyDevice): Promise<void> =>
  void Object.assign(server.accounts.get('ada') ?? {}, { recoverable: true })
const bobElsewhere = async ({ server }: FaultyDevice): Promise<unknown> =>
  server.accounts.set('bob', { accountId: 'bob', principal: 'bob', aliases: [], recoverable: false, claims: {} })
const askForLink = ({ auth, account }: FaultyPage): Promise<unknown> =>
  auth.upgrade(() => account.requestLink('ada@example.com'))
/** Where the intent of a refused attempt could not be taken back, the person ends it. */
const refusedAndCancelled = async (page: FaultyPage): Promise<unknown> => (
  await signIn('nobody')(page),
  page.auth.cancelUpgrade()
)
const linkFollowed = async ({ server, account }: FaultyDevice): Promise<void> => {
  server.accounts.set('ada', {
    accountId: 'ada',
    principal: 'ada',
    aliases: [],
    recoverable: false,
    claims: {},
    open: true,
    identifiers: ['ada@example.com'],
  })
  account.setSession('ada')
}
const inOrder =
  (...steps: ((device: FaultyDevice) => Promise<unknown>)[]) =>
  async (device: FaultyDevice): Promise<void> => {
    for (const step of steps) await step(device)
  }

const localFirst = using(async () => {})
/** Bob's account is signed in, and the device holds something. */
const inConflict = inOrder(
  bobElsewhere,
  using(({ auth }) => auth.markWritten()),
  using(signIn('bob')),
)
const signedOut = using(({ auth }) => auth.signOut())
const external = using(signUp)
/** The record knows it already. */
const externalRecoverable = inOrder(
  external,
  recoverable,
  using(async () => {}),
)
const offlineSignOut = inOrder(
  external,
  using(async ({ auth, account }) => {
    account.online = false
    await auth.signOut()
  }),
  async ({ account }) => void (account.online = true),
)
const other = await testDevice()
const sealedElsewhere = await sealElsewhere()

/** Seals the secret of the other device for a passkey. */
async function sealElsewhere(): Promise<{ readonly file: string; readonly credentials: readonly FakeCredential[] }> {
  const { credentials } = fakeAuthenticator()
  const context = { rpId: 'notes.example', name: 'latchkey' }
  const id = await createCredential(context, { app: 'Notes', user: 'Recovery key' }, { excluded: [], known: [] })
  const sealed = { secret: other.secret, label: '', createdAt: 0 }
  const [, { kek }] = await evaluate(context, id, keysOf)
  const file = await seal(sealed, kek, context)
  vi.unstubAllGlobals()
  return { file, credentials }
}
const ensure = ({ auth }: FaultyPage): Promise<unknown> => auth.ensureIdentity()
const aside = async ({ keyring }: FaultyDevice): Promise<string> => devicesIn(await keyring())[0]!

const ACTIONS: Readonly<Record<string, Action>> = {
  'first start': { states: 2, again: ensure },
  'first start, anonymous': { states: 1, options: { initialMode: 'anonymous' }, again: async () => {} },
  'first start, hardened': { states: 3, options: { harden: 'always' }, again: ensure },
  'reload, local-first': { before: localFirst, states: 1 },
  'reload, signed out': { before: signedOut, states: 1 },
  'reload, account': { before: external, states: 1 },
  'reload, account whose session ended': {
    before: inOrder(external, async ({ account }) => account.setSession(null)),
    states: 1,
  },
  "reload, account with another's session": {
    before: inOrder(external, bobElsewhere, async ({ account }) => account.setSession('bob')),
    states: 1,
  },
  'reload, account that became recoverable': { before: inOrder(external, recoverable), states: 2 },
  'reload, account that became recoverable, hardening': {
    before: inOrder(external, recoverable),
    options: { harden: 'after-upgrade' },
    states: 3,
  },
  'reload, hardening a recoverable account': {
    before: externalRecoverable,
    options: { harden: 'after-upgrade' },
    states: 2,
  },
  'reload, hardening because the app wants it': { before: localFirst, options: { harden: 'always' }, states: 2 },
  'reload, hardened': { before: using(async () => {}, { harden: 'always' }), options: { harden: 'always' }, states: 1 },
  'reload, a sign-out to deliver': { before: offlineSignOut, states: 3 },
  ensureIdentity: { options: { initialMode: 'anonymous' }, act: ensure, states: 2 },
  'ensureIdentity after a sign-out': { before: signedOut, act: ensure, states: 2 },
  'ensureIdentity with a current one': { before: localFirst, act: ensure, states: 1 },
  'ensureIdentity, resume': {
    before: signedOut,
    act: async ({ auth }, device) => auth.ensureIdentity({ resume: await aside(device) }),
    states: 2,
  },
  'getToken, local-first': { before: localFirst, act: ({ auth }) => auth.getToken(), states: 1 },
  'getToken, account': {
    before: inOrder(external, async ({ server }) => void (server.accounts.get('ada')!.claims = { role: 'editor' })),
    act: ({ auth }) => auth.getToken(),
    again: ({ auth }) => auth.getToken({ fresh: true }),
    states: 2,
  },
  'getToken, another one, account': {
    before: inOrder(
      external,
      using(({ auth }) => auth.getToken()),
    ),
    act: ({ auth }) => auth.getToken({ fresh: true }),
    states: 1,
  },
  'fetch that writes': {
    before: localFirst,
    act: ({ auth }) => auth.fetch('https://app.example/notes', { method: 'PUT' }),
    states: 2,
  },
  deriveKey: { before: localFirst, act: ({ auth }) => auth.deriveKey('notes'), states: 2 },
  markWritten: { before: localFirst, act: ({ auth }) => auth.markWritten(), states: 2 },
  exportSecret: { before: localFirst, act: ({ auth }) => auth.exportSecret(), states: 1 },
  'exportSecret, to begin a backup': {
    before: localFirst,
    act: ({ auth }) => auth.exportSecret({ label: 'on paper' }),
    states: 2,
  },
  listIdentities: { before: signedOut, act: ({ auth }) => auth.listIdentities(), states: 1 },
  confirmBackup: {
    before: localFirst,
    act: async ({ auth }) => auth.confirmBackup(await auth.exportSecret()),
    states: 2,
  },
  importSecret: {
    options: { initialMode: 'anonymous' },
    act: ({ auth }) => auth.importSecret(other.secret),
    states: 2,
  },
  'importSecret after a sign-out': { before: signedOut, act: ({ auth }) => auth.importSecret(other.secret), states: 2 },
  'importSecret in place of another': {
    before: localFirst,
    act: ({ auth }) => auth.importSecret(other.secret, { replace: true }),
    states: 2,
  },
  'importSecret, refused': { before: localFirst, act: ({ auth }) => auth.importSecret(other.secret), states: 1 },
  'importSecret beside its account': {
    before: external,
    act: async ({ auth }) => auth.importSecret(await auth.exportSecret()),
    states: 2,
  },
  'backup by words': {
    before: localFirst,
    act: async ({ auth }) => {
      const recovery = createRecovery(auth)
      const backup = await recovery.beginBackup()
      return recovery.confirmBackup(
        backup,
        backup.places.map((place) => backup.words[place - 1]!),
      )
    },
    states: 3,
  },
  'restore by words': { options: { initialMode: 'anonymous' }, act: restore, states: 2 },
  'restore by words after a sign-out': { before: signedOut, act: restore, states: 2 },
  'restore by words in place of another': { before: localFirst, act: restore, states: 2 },
  'restore by a passkey': { options: { initialMode: 'anonymous' }, act: restoreByPasskey, states: 2 },
  'restore by a passkey in place of another': { before: localFirst, act: restoreByPasskey, states: 2 },
  'restore by a passkey, refused beside an account': { before: external, act: restoreByPasskey, states: 1 },
  'restore by words, refused beside an account': { before: external, act: restore, states: 1 },
  'upgrade to a new account': { before: localFirst, act: signUp, states: 3 },
  'upgrade, hardened': {
    before: using(async () => {}, { harden: 'always' }),
    options: { harden: 'always' },
    act: signUp,
    states: 3,
  },
  'upgrade to a recoverable account': {
    before: localFirst,
    options: { harden: 'after-upgrade' },
    act: (page, { server: { accounts } }) => {
      vi.spyOn(accounts, 'set').mockImplementation(
        (name, account) => Map.prototype.set.call(accounts, name, { ...account, recoverable: true }) as typeof accounts,
      )
      return signUp(page)
    },
    // Where the account is there by then, a second sign-up is refused.
    again: async (page) => (await signUp(page), signIn('ada')(page)),
    states: 4,
  },
  'upgrade from nothing': {
    before: using(({ auth }) => auth.signOut({ forget: true })),
    act: signUp,
    again: async (page) => {
      await signUp(page)
      // The account may be there, since only the answer was lost.
      await signIn('ada')(page)
    },
    states: 3,
  },
  'upgrade, switched': { before: inOrder(bobElsewhere, localFirst), act: signIn('bob'), states: 3 },
  'upgrade, conflict': {
    before: inOrder(
      bobElsewhere,
      using(({ auth }) => auth.markWritten()),
    ),
    act: signIn('bob'),
    again: async (page) => (page.auth.getState().phase === 'conflict' ? undefined : signIn('bob')(page)),
    states: 3,
  },
  'reload, in conflict': { before: inConflict, states: 1 },
  'resolveConflict, adopt': { before: inConflict, act: ({ auth }) => auth.resolveConflict('adopt'), states: 2 },
  'resolveConflict, switch': { before: inConflict, act: ({ auth }) => auth.resolveConflict('switch'), states: 2 },
  'resolveConflict, discard': {
    before: inConflict,
    act: ({ auth }) => auth.resolveConflict('discard', { force: true }),
    states: 2,
  },
  'cancelUpgrade, in conflict': {
    before: inConflict,
    act: ({ auth }) => auth.cancelUpgrade(),
    again: ({ auth }) =>
      auth
        .cancelUpgrade()
        .catch(() => {})
        .then(() => auth.acceptAccount()),
    states: 3,
  },
  'resolveConflict, where the session ended': {
    before: inOrder(inConflict, async ({ account }) => account.setSession(null)),
    act: ({ auth }) => auth.resolveConflict('adopt'),
    states: 2,
  },
  'signOut, in conflict': { before: inConflict, act: ({ auth }) => auth.signOut(), states: 4 },
  unlinkAlias: {
    before: inOrder(
      inConflict,
      using(({ auth }) => auth.resolveConflict('adopt')),
    ),
    act: async ({ auth }) => auth.unlinkAlias(auth.getState().session!.principals[1]!),
    states: 2,
  },
  'upgrade, refused': { before: localFirst, act: signIn('nobody'), again: refusedAndCancelled, states: 2 },
  'upgrade with a sign-out to deliver': {
    before: inOrder(offlineSignOut, async ({ account }) => void (account.online = false)),
    act: async (page, device) => {
      device.account.online = true
      return signIn('ada')(page)
    },
    states: 5,
  },
  'sign-in after the session ended': {
    before: inOrder(external, async ({ account }) => account.setSession(null)),
    act: signIn('ada'),
    states: 2,
  },
  'upgrade that waits for a mail': { before: localFirst, act: askForLink, states: 3 },
  'upgrade that waits, asked for again': { before: using(askForLink), act: askForLink, states: 1 },
  'upgrade that waits, continued': { before: using(askForLink), act: signUp, states: 2 },
  'upgrade that waits, refused': { before: using(askForLink), act: signIn('nobody'), states: 1 },
  'reload, the link was followed': {
    before: inOrder(using(askForLink), linkFollowed),
    again: ({ auth }) => auth.acceptAccount(),
    states: 2,
  },
  'reload, the link was followed into another account': {
    before: inOrder(using(askForLink), bobElsewhere, async ({ account }) => account.setSession('bob')),
    states: 1,
  },
  acceptAccount: { before: inOrder(localFirst, linkFollowed), act: ({ auth }) => auth.acceptAccount(), states: 2 },
  cancelUpgrade: { before: using(askForLink), act: ({ auth }) => auth.cancelUpgrade(), states: 2 },
  'cancelUpgrade of an account that waits': {
    before: inOrder(localFirst, linkFollowed),
    act: ({ auth }) => auth.cancelUpgrade(),
    again: ({ auth }) => auth.cancelUpgrade().then(() => auth.acceptAccount()),
    states: 2,
  },
  signOut: { before: localFirst, act: ({ auth }) => auth.signOut(), states: 3 },
  'signOut, forget': { before: localFirst, act: ({ auth }) => auth.signOut({ forget: true }), states: 3 },
  'signOut without an identity': { before: signedOut, act: ({ auth }) => auth.signOut(), states: 2 },
  'signOut, account': { before: external, act: ({ auth }) => auth.signOut(), states: 4 },
  'signOut, recoverable account': { before: externalRecoverable, act: ({ auth }) => auth.signOut(), states: 4 },
  'signOut, recoverable account and a derived key': {
    before: inOrder(
      using(({ auth }) => auth.deriveKey('notes')),
      externalRecoverable,
    ),
    act: ({ auth }) => auth.signOut(),
    states: 4,
  },
  'signOut, forget, account': { before: external, act: ({ auth }) => auth.signOut({ forget: true }), states: 4 },
  requestPersistence: { before: localFirst, act: ({ auth }) => auth.requestPersistence(), states: 1 },
}

const counts = { actions: 0, operations: 0, faults: 0, restarts: 0, lost: 0, duplicated: 0 }
let environment: TestEnvironment
let asking = async (): Promise<boolean> => true

beforeEach(() => {
  environment = testEnvironment({ persist: () => asking() })
})
afterEach(() => environment.end())
afterAll(() =>
  console.warn(
    `faults: ${Object.entries(counts)
      .map(([name, count]) => `${name} ${count}`)
      .join(', ')}`,
  ),
)

/** What a page shows of who is there. */
const shown = ({ auth }: { auth: Auth }, known: readonly string[]): string => {
  const { authMode, session } = auth.getState()
  return `${authMode} ${session === null || known.includes(session.principal) ? session?.principal : 'new'}`
}

/** One device on its way from before to after, without faults. */
interface CleanRun {
  readonly seed: Seed
  readonly known: readonly string[]
  readonly operations: readonly string[]
  /** Every state of the record, and the one after. */
  readonly records: readonly string[]
  readonly after: string
  readonly views: readonly string[]
  /** Every state that a restart finds. */
  readonly restarts: readonly string[]
  /** Principals of the device identities after. */
  readonly kept: readonly string[]
}

async function runClean(action: Action): Promise<CleanRun> {
  const prepared = await faultyDevice()
  await action.before?.(prepared)
  const seed = await prepared.seed()
  const known = [...devicesIn((seed.record ?? null) as Keyring | null), other.principal, 'bob']
  const device = await faultyDevice(seed)
  const restarts: Promise<string>[] = []
  const records: string[] = []
  const views: string[] = []
  let after = ''
  const note = async (): Promise<void> => {
    const essence = (after = essenceOf(await device.keyring(), known))
    if (records.includes(essence)) return
    records.push(essence)
    restarts.push(device.seed().then((found) => restartFrom(found, action, known)))
  }
  await note()
  const update = device.store.update
  Object.assign(device.store, {
    update: async (updater: (found: unknown) => unknown) => {
      const next = await update(updater)
      await note()
      return next
    },
  })
  const page = await begin(action, device)
  page.auth.subscribe(() => views.push(shown(page, known)))
  views.push(shown(page, known))
  await perform(action, page, device)
  await environment.idle(page.faults)
  views.push(shown(page, known))
  const keyring = await device.keyring()
  page.auth.close()
  return {
    seed,
    known,
    operations: page.faults.operations,
    records,
    after,
    views,
    restarts: await Promise.all(restarts),
    kept: devicesIn(keyring),
  }
}

/** A page at the point where the action begins; faults count from here. */
async function begin(
  { act, options }: Action,
  device: FaultyDevice,
  fault?: readonly [Fault, string, number],
): Promise<FaultyPage> {
  if (act) {
    const page = await load(device, options)
    if (fault) page.faults.arm(...fault)
    else page.faults.disarm()
    asking = () => page.faults.wire('OFFLINE')('persist', async () => true)
    return page
  }
  const page = openPage(device, { harden: 'never', ...options })
  if (fault) page.faults.arm(...fault)
  return page
}

/** Never rejects: what an act says about a fault is its own matter. */
async function perform({ act }: Action, page: FaultyPage, device: FaultyDevice): Promise<void> {
  if (act) await act(page, device).catch(() => {})
  else await page.auth.ready
}

async function restartFrom(seed: Seed, action: Action, known: readonly string[]): Promise<string> {
  const device = await faultyDevice(seed)
  return restart(device, action, known)
}

async function restart(device: FaultyDevice, { options }: Action, known: readonly string[]): Promise<string> {
  const page = await load(device, options)
  const { storage } = page.auth.getState()
  const found = `${shown(page, known)} ${storage.problem} ${essenceOf(await device.keyring(), known)}`
  page.auth.close()
  return found
}

describe.each(Object.entries(ACTIONS))('%s', (_name, action) => {
  test('leaves the state before or the state after, whatever fails (checklist 30: a crash at any point)', async () => {
    const clean = await runClean(action)
    expect(clean.records, 'states of the record').toHaveLength(action.states)
    counts.actions++
    for (const [operation, nth] of numbered(clean.operations)) {
      counts.operations++
      for (const fault of FAULTS) {
        await expectWhole(action, clean, [fault, operation, nth]).catch((error: unknown) => {
          throw new Error(
            `${fault} at ${operation} ${nth} of ${clean.operations.join(', ')}: ${String((error as Error).message)}`,
            { cause: error },
          )
        })
      }
    }
  })
})

/** Each operation with its number among those of its name. */
function numbered(operations: readonly string[]): (readonly [string, number])[] {
  return operations.map(
    (operation, index) =>
      [operation, operations.slice(0, index + 1).filter((before) => before === operation).length] as const,
  )
}

async function expectWhole(action: Action, clean: CleanRun, fault: readonly [Fault, string, number]): Promise<void> {
  const { known } = clean
  const device = await faultyDevice(clean.seed)
  const page = await begin(action, device, fault)
  const performing = perform(action, page, device)
  await environment.idle(page.faults)
  expect(page.faults.struck, 'struck').toBe(true)
  counts.faults++
  await expectRestart(action, clean, device)

  page.faults.recover()
  await performing
  await environment.idle(page.faults)
  expect(['ready', 'pending', 'conflict']).toContain(page.auth.getState().phase)
  expect(clean.views, 'what the page shows').toContain(shown(page, known))
  if (!page.faults.dead) await expectAfter(action, clean, page, device)
  page.auth.close()
  await environment.idle(page.faults)
  await expectRestart(action, clean, device)
  expect(environment.unhandled).toEqual([])
}

/** A restart right here, over a copy: the page goes on. */
async function expectRestart(action: Action, clean: CleanRun, device: FaultyDevice): Promise<void> {
  const keyring = await device.keyring()
  const devices = devicesIn(keyring)
  const owned = devicesIn((clean.seed.record ?? null) as Keyring | null)
  counts.lost += owned.filter((principal) => clean.kept.includes(principal) && !devices.includes(principal)).length
  counts.duplicated += Math.max(0, devices.length - Math.max(owned.length, clean.kept.length))
  expect(counts).toMatchObject({ lost: 0, duplicated: 0 })
  expect(clean.records, 'the record').toContain(essenceOf(keyring, clean.known))
  expect(await brokenIn(keyring)).toEqual([])
  expect(clean.restarts, 'what a restart finds').toContain(await restartFrom(await device.seed(), action, clean.known))
  counts.restarts++
}

/** The page that had the fault gets there as soon as the fault is over. */
async function expectAfter(action: Action, clean: CleanRun, page: FaultyPage, device: FaultyDevice): Promise<void> {
  const again = action.again ?? action.act
  await again?.(page, device).catch(() => {})
  await environment.idle(page.faults)
  if (again) expect(essenceOf(await device.keyring(), clean.known), 'the record, after another try').toBe(clean.after)
  if (again) expect(shown(page, clean.known), 'what the page shows, after another try').toBe(clean.views.at(-1))
  // Whatever reads the record next finds that nothing is wrong with the storage any more.
  await page.auth.listIdentities()
  const token = await page.auth.getToken().catch(() => null)
  expect(token !== null || page.auth.getState().session === null || page.auth.getState().error !== undefined).toBe(true)
  expect(shown(page, clean.known), 'what the page shows').toBe(clean.views.at(-1))
  expect(page.auth.getState().storage.problem).toBeUndefined()
}
