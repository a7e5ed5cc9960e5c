import { ask } from '../ask.ts'
import { tokenOf } from '../world.ts'
import { person } from '../../../adapters/better-auth/testing/server.testing.ts'
import { isLatchkeyError } from '../../../lib/errors.ts'
import { readPayload } from '../../../lib/client/client.testing.ts'
import { DATA, type Page, type Tab, keyringOf } from './device.ts'
import { close, pass, reopen } from './rest.ts'
import type { Step } from './step.ts'
import { type ClientWorld, open, sessionOf } from './world.ts'

/** What came of an act. */
export interface Done {
  readonly text: string
  /** It says that nothing was done. */
  readonly isRefused?: boolean
}

interface Given {
  readonly world: ClientWorld
  readonly tab: Tab
  readonly page: Page
  readonly step: Step
}

type Act = (given: Given) => Promise<Done | void> | Done | void

/** Notes what a page is doing while it does it, and says what came of it. */
async function during({ page: { doing } }: Given, name: string, work: () => Promise<unknown>): Promise<Done> {
  const acts = doing.acts as string[]
  acts.push(name)
  try {
    const result = (await work()) as { outcome?: string; error?: unknown; conflict?: unknown } | undefined
    const { outcome, error, conflict } = result ?? {}
    return {
      text: [outcome ?? 'done', codeOf(error)].filter(Boolean).join(' '),
      isRefused: outcome === 'failed' || (outcome === 'taken' && !conflict),
    }
  } catch (error) {
    return { text: codeOf(error) ?? String(error), isRefused: true }
  } finally {
    acts.splice(acts.indexOf(name), 1)
  }
}

function codeOf(error: unknown): string | undefined {
  return isLatchkeyError(error) ? error.code : error instanceof Error ? error.message : undefined
}

const upgrade = (given: Given, run: () => unknown): Promise<Done> =>
  during(given, 'upgrade', () => given.page.auth.upgrade(run))

/** A user does not take a stranger's account for their own once they see whose it is. */
const resolve =
  (decision: 'adopt' | 'switch' | 'discard'): Act =>
  (given) => {
    const { world, page } = given
    const conflict = page.auth.getState().upgrade?.conflict
    if (!conflict || world.eves.has(conflict.account.accountId)) return
    return during(given, decision, () => page.auth.resolveConflict(decision, { force: true }))
  }

const token = async (given: Given, fresh: boolean): Promise<Done> => {
  const { auth } = given.page
  return during(given, 'token', async () => {
    const jwt = await auth.getToken({ fresh })
    const { session } = auth.getState()
    if (jwt !== null && readPayload(jwt)['sub'] !== session?.principal)
      given.world.broken.push(`a token of ${String(readPayload(jwt)['sub'])} for ${session?.principal ?? 'nobody'}`)
  })
}

/** A session of the attacker. `open`: of an account that nothing was bound to yet. */
async function evesCookies(world: ClientWorld, how: string | undefined): Promise<Map<string, string>> {
  const cookies = new Map<string, string>()
  const name = how === 'open' ? `eve${world.eves.size}` : 'eve'
  await ask(world, cookies, '/sign-up/email', { body: person(name) })
  if (!tokenOf({ cookies })) {
    // Her password may be gone: a proof of the mailbox removes it.
    await ask(world, cookies, '/sign-in/magic-link', { body: { email: person(name).email } })
    await ask(world, cookies, letterTo(world, name, 'magic')!.path)
  }
  const { accountId } = sessionOf(world, { ...world.devices.laptop, cookies })!
  world.eves.add(accountId)
  if (how !== 'open') await ask(world, cookies, '/latchkey/session')
  return cookies
}

async function plant(given: Given): Promise<void> {
  const { world, tab, step } = given
  for (const [name, value] of await evesCookies(world, step.how)) tab.device.cookies.set(name, value)
}

/**
 * The client follows what the app does by itself, after its request: that counts as a sign-out until all is at rest.
 */
function followed({ page: { doing } }: Pick<Given, 'page'>): void {
  ;(doing.acts as string[]).push('signOut')
}

/** The last letter of a kind. */
function letterTo({ explored }: ClientWorld, who: string, kind: 'magic' | 'verify') {
  return explored.letters.findLast((letter) => letter.to === `${who}@example.com` && letter.kind === kind)
}

/** Opens a mailed link: in the app, as a page of this browser, or in the mail program. */
async function follow(given: Given, who: string, kind: 'magic' | 'verify'): Promise<Done | void> {
  const { world, tab, page, step } = given
  const letter = letterTo(world, who, kind)
  if (!letter) return
  const query = { token: letter.token }
  if (step.how === 'app')
    return upgrade(given, () =>
      kind === 'magic' ? page.client.magicLink.verify({ query }) : page.client.verifyEmail({ query }),
    )
  if (step.how === 'mail program') {
    await ask(world, new Map(), letter.path)
    return { text: 'opened' }
  }
  if (!tab.device.isOnline) return
  await ask(world, tab.device.cookies, letter.path)
  await reopen(world, tab)
  return { text: 'opened' }
}

const MINUTE = 60_000
const SPANS: Readonly<Record<string, number>> = {
  seconds: 11_000,
  minutes: 11 * MINUTE,
  hours: 2 * 60 * MINUTE,
  days: 26 * 60 * MINUTE,
}
const SKEWS: Readonly<Record<string, number>> = { right: 0, behind: -60 * MINUTE, ahead: 60 * MINUTE, little: 40_000 }

const EVE = 'eve'

export const ACTS: Readonly<Record<string, Act>> = {
  reload: ({ world, tab, step }) =>
    reopen(
      world,
      tab,
      step.how === 'anonymous' ? { initialMode: 'anonymous' } : step.how === 'hardened' ? { harden: 'always' } : {},
    ),
  close: ({ world, tab }) => close(world, tab),
  crash: ({ page }) => page.faults.die(),
  ensureIdentity: (given) => during(given, 'ensureIdentity', () => given.page.auth.ensureIdentity()),
  resume: (given) =>
    during(given, 'resume', async () => {
      const [kept] = await given.page.auth.listIdentities()
      return kept && given.page.auth.ensureIdentity({ resume: kept.principal })
    }),
  signUp: (given) => upgrade(given, () => given.page.client.signUp.email(person(given.step.who!))),
  signIn: (given) => upgrade(given, () => given.page.client.signIn.email(person(given.step.who!))),
  signInWrong: (given) =>
    upgrade(given, () => given.page.client.signIn.email({ ...person(given.step.who!), password: 'not the one' })),
  /** A session of the attacker appears while `run` goes on, which itself makes none. */
  askLinkPlanted: (given) =>
    upgrade(given, async () => {
      const asked = await given.page.client.signIn.magicLink({ email: person(given.step.who!).email })
      await plant(given)
      return asked
    }),
  askLink: (given) =>
    upgrade(given, () => given.page.client.signIn.magicLink({ email: person(given.step.who!).email })),
  followLink: (given) => follow(given, given.step.who!, 'magic'),
  verify: (given) => follow(given, given.step.who!, 'verify'),
  /** The attacker mails a link to her own account. */
  followEves: async (given) => {
    await evesCookies(given.world, undefined)
    await ask(given.world, new Map(), '/sign-in/magic-link', { body: { email: person(EVE).email } })
    return follow(given, EVE, 'magic')
  },
  /** The app signs in by itself, outside `upgrade`. */
  signInOutside: async (given) => {
    const { error } = await given.page.client.signIn
      .email(person(given.step.who!))
      .catch((error: unknown) => ({ error }))
    return { text: error ? 'failed' : 'signed in' }
  },
  signOutOutside: async (given) => {
    followed(given)
    await given.page.client.signOut().catch(() => {})
    return { text: 'done' }
  },
  plant: async (given) => {
    await plant(given)
    return { text: 'planted' }
  },
  acceptAccount: (given) => {
    const account = given.page.auth.getState().upgrade?.account
    if (!account || given.world.eves.has(account.accountId)) return
    return during(given, 'upgrade', () => given.page.auth.acceptAccount())
  },
  adopt: resolve('adopt'),
  switch: resolve('switch'),
  discard: resolve('discard'),
  cancelUpgrade: (given) => during(given, 'cancelUpgrade', () => given.page.auth.cancelUpgrade()),
  unlinkAlias: (given) => {
    const alias = given.page.auth.getState().session?.principals[1]
    if (alias === undefined) return
    given.world.gaveUp.set(alias, 'unlinked')
    return during(given, 'unlinkAlias', () => given.page.auth.unlinkAlias(alias))
  },
  signOut: (given) => during(given, 'signOut', () => given.page.auth.signOut()),
  forget: (given) => during(given, 'forget', () => given.page.auth.signOut({ forget: true })),
  write: (given) =>
    during(given, 'write', async () => {
      await given.page.auth.fetch(DATA, { method: 'POST' })
    }),
  markWritten: (given) => during(given, 'write', () => given.page.auth.markWritten()),
  deriveKey: (given) => during(given, 'deriveKey', async () => void (await given.page.auth.deriveKey('notes'))),
  getToken: (given) => token(given, false),
  freshToken: (given) => token(given, true),
  reportToken: ({ page }) => page.auth.reportToken('expired'),
  backUp: (given) =>
    during(given, 'backup', async () => {
      const { recovery } = given.page
      const backup = await recovery.beginBackup()
      given.world.importable.add(backup.principal)
      given.world.words.set(backup.principal, backup.words.join(' '))
      await recovery.confirmBackup(
        backup,
        backup.places.map((place) => backup.words[place - 1]!),
      )
    }),
  restore: (given) => {
    const words = [...given.world.words.values()].at(given.step.who === 'bob' ? 0 : -1)
    if (words === undefined) return
    return during(given, 'import', async () => {
      const { recovery } = given.page
      const replace = given.step.how === 'replacing'
      return void (await recovery.importPhrase(await recovery.readPhrase(words), { replace, evenIfUnknown: true }))
    })
  },
  look: (given) => during(given, 'look', async () => void (await given.page.auth.listIdentities())),
  revokeSessions: async ({ world, step }) => {
    const user = await world.explored.server.adapter.findOne<{ id: string }>({
      model: 'user',
      where: [{ field: 'email', value: person(step.who!).email }],
    })
    if (!user) return
    await world.explored.server.adapter.deleteMany({ model: 'session', where: [{ field: 'userId', value: user.id }] })
    return { text: 'revoked' }
  },
  deleteAccount: async ({ world, tab, page, step }) => {
    const session = sessionOf(world, tab.device)
    if (!session || world.eves.has(session.accountId)) return
    followed({ page })
    const { error } = await page.client
      .deleteUser({ password: person(step.who!).password })
      .catch((error: unknown) => ({ error }))
    return { text: error ? 'failed' : 'deleted' }
  },
  clear: async ({ world, tab: { device }, step }) => {
    const isAll = step.how !== 'record only'
    for (const { principal } of (await keyringOf(device))?.entries ?? []) world.gaveUp.set(principal, 'cleared')
    device.store.clear(!isAll)
    if (isAll) device.cookies.clear()
    device.rules.vanished(device.store.trace.found())
    // A sign-out that was not delivered yet is gone with the record.
    for (const [id, at] of world.left) if (at === device) world.left.delete(id)
    return { text: 'cleared' }
  },
  clearCookies: ({ tab: { device } }) => {
    device.cookies.clear()
    return { text: 'cleared' }
  },
  offline: ({ tab: { device } }) => {
    device.isOnline = false
    return { text: 'offline' }
  },
  online: ({ tab: { device } }) => {
    device.isOnline = true
    return { text: 'online' }
  },
  moveClock: ({ tab: { device }, step }) => {
    device.skew = SKEWS[step.how!]!
    return { text: 'moved' }
  },
  wait: async ({ world, step }) => {
    await pass(world, SPANS[step.how!]!)
    return { text: 'waited' }
  },
}

/** Acts on a tab that is closed open it. */
export async function perform(world: ClientWorld, tab: Tab, step: Step): Promise<Done | void> {
  if (!tab.page) {
    if (step.do === 'close') return
    await open(world, tab).auth.ready
  }
  return ACTS[step.do]!({ world, tab, page: tab.page!, step })
}
