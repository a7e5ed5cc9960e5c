import { type AccountEntry, type DeviceEntry, type Entry, type Keyring } from '../keystore/record.ts'
import { currentEntry } from '../keystore/keyring.ts'
import { EVERY_ACCOUNT } from '../keystore/entries.ts'

/** The operations of a tab while it changes the record. */
export interface Doing {
  /** The operations that are running in it. */
  readonly acts: readonly string[]
  readonly isHardened: boolean
}

/** Facts about the surroundings when the record changes. */
export interface Facts {
  /** True if a trace shows that a record existed. */
  readonly isTraced: boolean
  /** Secrets that were imported may come in. */
  readonly importable: ReadonlySet<string>
  /** Number of sign-outs that the account server received. */
  readonly heard: number
  /** Number of times that the account server told about the session. */
  readonly asked: number
  /** There was no record just before: an account that is already signed in may be used. */
  readonly isNew: boolean
  /** The account that is signed in at the server. */
  readonly session: string | undefined
  /** Whether an account is the attacker's. */
  isEves(accountId: string): boolean
  /** Whether an account has verified an identifier. */
  hasVerified(accountId: string, identifier: string): boolean
  /** Whether a session no longer exists, where that can be told. */
  isEnded?(sessionId: string): boolean
}

/** The rules that every change of the record must follow. */
export interface RecordRules {
  /** Checks one change. Breaches are collected in `violations`. */
  observe(doing: Doing, facts: Facts, before: Keyring | null, after: Keyring | null): void
  /** The record was deleted from outside. */
  vanished(isTraced: boolean): void
  readonly violations: readonly string[]
  /** Number of identities created without a request, in the life of one record. */
  readonly made: number
}

const NOTHING: Keyring = { v: 1, current: null, entries: [], intent: null, outbox: [] }

export function recordRules(): RecordRules {
  const violations: string[] = []
  const heardAt = new Map<string, number>()
  const askedAt = new Map<string, number>()
  const everSeen = new Set<string>()
  const everCurrent = new Set<string>()
  const rules = { violations, made: 0 }
  const expect = (isRight: boolean, rule: string): void => void (isRight || violations.push(rule))

  function observe(doing: Doing, facts: Facts, found: Keyring | null, after: Keyring | null): void {
    if (!after) return expect(!found, 'a record is never deleted')
    const before = found ?? NOTHING
    if (!found) observeFirst(doing, facts, after)
    for (const entry of devicesOf(before))
      observeDevice(
        doing,
        before,
        entry,
        devicesOf(after).find(({ principal }) => principal === entry.principal),
      )
    for (const entry of devicesOf(after))
      if (!devicesOf(before).some(({ principal }) => principal === entry.principal))
        observeNew(doing, facts, found, entry)
    if (before.current !== after.current && !isPutBack(found, after))
      observeCurrent(doing, facts, before, currentEntry(after))
    if (after.current !== null) everCurrent.add(after.current)
    observeAccounts(facts, before, after)
    observeOutbox(facts, before, after)
    for (const { principal } of devicesOf(after)) everSeen.add(principal)
  }

  /** A page restores a deleted record from memory; that the app asked for it is checked elsewhere. */
  function isPutBack(found: Keyring | null, after: Keyring): boolean {
    return !found && after.current !== null && everCurrent.has(after.current)
  }

  function observeFirst({ acts }: Doing, { isTraced }: Facts, after: Keyring): void {
    const isAsked = ['ensureIdentity', 'import'].some((act) => acts.includes(act))
    const signsIn = acts.includes('upgrade')
    // A sign-in is a way back from a record that vanished: it begins one without any device.
    const isBegun = isTraced && signsIn && !after.entries.some(({ kind }) => kind === 'device')
    expect(!isTraced || isAsked || isBegun, 'a vanished record is restored only on request')
    // Who cancels signs the account out that was offered.
    const ends = ['signOut', 'forget', 'cancelUpgrade'].some((act) => acts.includes(act))
    if (after.entries.length === 0)
      expect(ends || isAsked || isBegun, 'an empty record is a sign-out, or the beginning of a sign-in')
  }

  function observeDevice(
    { acts, isHardened }: Doing,
    before: Keyring,
    entry: DeviceEntry,
    later: DeviceEntry | undefined,
  ): void {
    const account = accountOf(before)
    const isBackedUp = !entry.derived || entry.backedUpAt !== null
    const isCovered =
      account?.recoverable === true && [account.principal, ...account.aliases].includes(entry.principal) && isBackedUp
    if (!later) {
      const { principal, aliases } = account ?? { principal: currentEntry(before)?.principal, aliases: [] }
      const isForgotten =
        (acts.includes('forget') || acts.includes('discard')) && [principal, ...aliases].includes(entry.principal)
      return expect(
        isForgotten || ((acts.includes('signOut') || acts.includes('forget')) && isCovered),
        'a device identity is removed only on request, or when an account restores it',
      )
    }
    const isKept =
      later.x === entry.x &&
      later.origin === entry.origin &&
      later.createdAt === entry.createdAt &&
      later.wrote >= entry.wrote &&
      later.derived >= entry.derived &&
      (later.backedUpAt !== null || entry.backedUpAt === null)
    expect(isKept, 'the members and marks of a device identity are never lost')
    if (!entry.secret || later.secret) return
    expect(
      later.keys !== undefined && (isCovered || (isHardened && currentEntry(before)?.principal === entry.principal)),
      'a secret is replaced only by keys, and only when an account restores it or the app wants it',
    )
  }

  function observeNew({ acts }: Doing, facts: Facts, found: Keyring | null, entry: DeviceEntry): void {
    if (acts.includes('import') && (facts.importable.has(entry.principal) || everSeen.has(entry.principal))) return
    if (acts.includes('ensureIdentity')) return
    rules.made++
    expect(
      acts.includes('start') && !found && !facts.isTraced && rules.made === 1,
      'at most one identity is created without a request',
    )
  }

  function observeCurrent(
    { acts }: Doing,
    { isNew, isEves, hasVerified }: Facts,
    keyring: Keyring,
    after: Entry | undefined,
  ): void {
    const before = currentEntry(keyring)
    if (!after)
      return expect(acts.includes('signOut') || acts.includes('forget'), 'only a sign-out leaves no current identity')
    if (after.kind === 'device') {
      if (!before)
        return expect(
          ['start', 'ensureIdentity', 'resume', 'import'].some((act) => acts.includes(act)),
          'a device identity becomes current only by an operation of the app',
        )
      return expect(
        acts.includes('import') && before.kind === 'device',
        'a current identity is replaced only by an import',
      )
    }
    const isSame = before !== undefined && [after.principal, ...after.aliases].includes(before.principal)
    const expected = keyring.intent?.expected ?? null
    const isExpected = expected !== null && hasVerified(after.accountId, expected)
    expect(
      !isEves(after.accountId) &&
        (['upgrade', 'adopt', 'switch', 'discard'].some((act) => acts.includes(act)) || isSame || isExpected || isNew),
      "an account becomes current by an upgrade, or because it is this identity or the expected one; never another party's",
    )
    const isDecided = ['switch', 'discard'].some((act) => acts.includes(act))
    expect(
      !before ||
        isSame ||
        isDecided ||
        (before.kind === 'device' && !before.wrote && !before.derived && before.origin !== 'imported'),
      'an identity with data is never switched away',
    )
  }

  function observeAccounts({ isEnded }: Facts, before: Keyring, after: Keyring): void {
    const account = accountOf(before)
    const strays = after.entries.filter((entry) => entry.kind === 'account' && entry !== currentEntry(after))
    expect(strays.length === 0, 'no account and none of its tokens stay behind')
    if (!account || accountOf(after)) return
    // The app itself has ended it, and the account server has said so.
    if (account.sessionId !== undefined && isEnded?.(account.sessionId)) return
    expect(
      after.outbox.some(
        ({ id, accountId }) => accountId === account.accountId && !before.outbox.some((item) => item.id === id),
      ),
      'a sign-out is queued for the account server',
    )
  }

  function observeOutbox({ heard, asked, session, isEnded }: Facts, before: Keyring, after: Keyring): void {
    for (const { id } of after.outbox) {
      if (!heardAt.has(id)) heardAt.set(id, heard)
      if (!askedAt.has(id)) askedAt.set(id, asked)
    }
    for (const { id, accountId, sessionId } of before.outbox) {
      if (after.outbox.some((item) => item.id === id)) continue
      if (accountId === EVERY_ACCOUNT) {
        const isReplaced = after.outbox.some((item) => item.accountId === EVERY_ACCOUNT)
        expect(isReplaced || asked > askedAt.get(id)!, 'a sign-out asks whether there is a session')
        continue
      }
      expect(
        heard > (heardAt.get(id) ?? 0) ||
          (session !== undefined && session !== accountId) ||
          (sessionId !== undefined && isEnded?.(sessionId) === true),
        'an undelivered outbox item is not dropped',
      )
    }
  }

  return Object.assign(rules, {
    observe,
    vanished(isTraced: boolean) {
      if (!isTraced) rules.made = 0
    },
  })
}

function devicesOf(keyring: Keyring): DeviceEntry[] {
  return keyring.entries.filter((entry): entry is DeviceEntry => entry.kind === 'device')
}

function accountOf(keyring: Keyring): AccountEntry | undefined {
  const entry = currentEntry(keyring)
  return entry?.kind === 'account' ? entry : undefined
}
