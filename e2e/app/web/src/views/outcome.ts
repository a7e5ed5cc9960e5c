import { type LatchkeyError, type UpgradeResult, isLatchkeyError } from 'latchkey'
import type { App } from '../app.ts'
import { part } from '../dom.ts'
import { tell } from '../tell.ts'

/** What belongs to every way into an account. */
export interface EntryActs {
  /** Opens the dialog for two identities. */
  decide(): void
  openMailbox(): void
}

/**
 * Runs a way into an account, and shows the outcome.
 *
 * @param words - of a success, such as "Account created."
 * @param onDone - called first if it did not fail, to close a dialog
 * @returns the error if it failed: nothing has changed then
 */
export function enter(
  app: App,
  acts: EntryActs,
  words: string,
  run: () => Promise<unknown>,
  onDone?: () => void,
): Promise<LatchkeyError | undefined> {
  return enterBy(app, acts, words, () => app.auth.upgrade(run), onDone)
}

/** The same for other acts of the library that end like an upgrade. */
export async function enterBy(
  { auth }: App,
  acts: EntryActs,
  words: string,
  act: () => Promise<UpgradeResult>,
  onDone: () => void = () => {},
): Promise<LatchkeyError | undefined> {
  const before = auth.getState().session?.principal
  const result = await upgrade(act)
  if (result.outcome === 'failed' || (result.outcome === 'taken' && !result.conflict)) return result.error
  onDone()
  // The element that opened the dialog may be gone.
  part('account-menu').focus()
  const { phase, session } = auth.getState()
  if (phase === 'conflict') acts.decide()
  else if (result.outcome === 'pending') tellPending(result.account !== undefined, acts)
  else tellEntered(words, before, session?.principal)
  return undefined
}

async function upgrade(act: () => Promise<UpgradeResult>): Promise<UpgradeResult> {
  try {
    return await act()
  } catch (error) {
    if (isLatchkeyError(error)) return { outcome: 'failed', error }
    throw error
  }
}

/** @param isFound - an account is signed in and waits for confirmation; otherwise a letter is on its way */
function tellPending(isFound: boolean, { openMailbox }: EntryActs): void {
  if (isFound) return tell('Almost there: confirm the account in the notice.')
  tell('We sent you an e-mail with a link.', { action: { label: 'Open the mailbox', act: openMailbox } })
}

/** The promise of the app, visible at the moment that it is kept: signing up changes no identity. */
function tellEntered(words: string, before: string | undefined, after: string | undefined): void {
  if (!before || !after) return tell(words)
  const detail = `${before.slice(0, 8)} → ${after.slice(0, 8)}`
  if (before === after) return tell(`${words} Same identity before and after.`, { detail })
  tell(`${words} These are the notes of your account.`, { detail })
}
