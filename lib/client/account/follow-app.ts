import { currentAccount, replaceEntry } from '../../keystore/entries.ts'
import type { AccountEntry, Entry } from '../../keystore/record.ts'
import { guarded } from '../../machine/guarded.ts'
import type { AccountProvider } from '../shared/account-provider.ts'
import { accountOf } from '../shared/bounded-account.ts'
import type { Context } from '../shared/context.ts'
import { signOutOf } from './sign-out.ts'

/**
 * Follows what the app does through its account client, past `upgrade` and `signOut`: a session that it ended ends the
 * mode here too, and one that it began is looked at.
 *
 * @param ask - asks about the session in the background
 * @param signal - ends it
 */
export function followApp(context: Context, ask: () => void, signal: AbortSignal): void {
  const { account } = context.options
  // A provider that throws must not keep everything else from connecting.
  guarded(() => {
    const stop = account?.subscribe?.((change) => void (change === 'begun' ? ask() : follow(context, ask)))
    if (stop) signal.addEventListener('abort', stop)
  })
}

async function follow(context: Context, ask: () => void): Promise<void> {
  // `signOut` itself has changed the mode before its request.
  const ended = currentAccount(context.keyring())
  if (!ended) return
  try {
    // The question may fail, or the page be left before the answer: then the next one decides.
    await note(context, ended, true)
    const account = accountOf(context) as AccountProvider
    const found = await account.getSession({ peek: true })
    // Another device may be what was revoked; and only the account server says that a session is gone.
    if (found !== null) {
      if (found.accountId === ended.accountId && found.id === ended.sessionId) await note(context, ended, false)
      return ask()
    }
    await context.read()
    await signOutOfEnded(context, ended)
  } catch {
    ask()
  }
}

/** Notes whether the app has ended the session, as far as this page knows. */
function note(context: Context, ended: AccountEntry, isEnding: boolean): Promise<void> {
  return context.write((keyring) => {
    const entry = currentAccount(keyring)
    if (!keyring || !entry || !isSameSession(ended, entry)) return keyring
    const { isEnding: _, ...kept } = entry
    return replaceEntry(keyring, entry, { ...kept, ...(isEnding && { isEnding }) })
  })
}

/** The session is gone, so that a veto would keep nothing. Another tab may have signed in again meanwhile. */
export function signOutOfEnded(context: Context, ended: AccountEntry): Promise<void> {
  return signOutOf(context, { force: true }, (entry) => isSameSession(ended, entry), true)
}

/** True if an entry is of the same session, or of one that was confirmed at the same time if there are no ids. */
function isSameSession({ accountId, sessionId, verifiedAt }: AccountEntry, entry: Entry): boolean {
  if (entry.kind !== 'account' || entry.accountId !== accountId) return false
  return sessionId === undefined ? entry.verifiedAt === verifiedAt : entry.sessionId === sessionId
}
