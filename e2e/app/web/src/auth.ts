import { createAuthClient } from 'better-auth/client'
import { magicLinkClient } from 'better-auth/client/plugins'
import { type Auth, type LocalData, type WaitingAccount, createAuth } from 'latchkey'
import { betterAuthAccount, latchkeyClient } from 'latchkey/better-auth/client'
import type { Aside } from './aside.ts'
import { fetchSummary } from './notes/api.ts'
import { type Note, isBlank } from './notes/note.ts'
import type { Notebook } from './notes/notebook.ts'
import { readLocalNotes } from './notes/store.ts'
import { summaryWords } from './notes/summary-words.ts'

/** Better Auth's client. The plugin attaches proofs, only while `auth.upgrade` runs. */
export type AccountClient = ReturnType<typeof createAccountClient>

/** A dialog waits for the request, and cannot be closed meanwhile. In milliseconds. */
const REQUEST_TIMEOUT_MS = 20_000

export function createAccountClient() {
  // Better Auth would keep the current `fetch`, and the developer panel's offline switch could not affect it.
  return createAuthClient({
    plugins: [latchkeyClient(), magicLinkClient()],
    fetchOptions: { customFetchImpl: (...request) => fetch(...request), timeout: REQUEST_TIMEOUT_MS },
  })
}

/** Returns the account's e-mail address, verified or not; null if it cannot be fetched now. */
export async function accountName(client: AccountClient, waiting: WaitingAccount | undefined): Promise<string | null> {
  const [identifier] = waiting?.identifiers ?? []
  if (identifier) return identifier
  const { data } = await client.getSession().catch(() => ({ data: null }))
  return data && data.user.id === waiting?.accountId ? data.user.email : null
}

/** Describes an account that is signed in at the account server but not current here. */
async function describeAccount(getToken: () => Promise<string | null>): Promise<LocalData> {
  const token = await getToken()
  if (!token) throw new TypeError('no account is signed in')
  const { count, latest } = await fetchSummary(token)
  return { items: count, label: summaryWords(count, latest) }
}

/**
 * Creates the app's `auth`.
 *
 * @param aside - stores which identities were set aside
 * @param flush - tries to send all unsynced changes to the server
 */
export function createNotesAuth(
  account: AccountClient,
  notebook: Notebook,
  aside: Aside,
  flush: () => Promise<void>,
): Auth {
  const provider = betterAuthAccount(account)
  return createAuth({
    account: provider,
    // Another account never replaces an identity with data.
    describeLocal: async (principal) => {
      const notes = await notesOf(notebook, principal)
      const latest = notes.filter(({ deleted }) => !deleted).sort((a, b) => b.updatedAt - a.updatedAt)
      return { items: notes.length, label: summaryWords(latest.length, latest) }
    },
    describeAccount: () => describeAccount(() => provider.getToken()),
    beforeSignOut: async () => {
      await notebook.settled()
      await flush()
      return { unsynced: notebook.pendingCount() }
    },
    onPrincipalChange: ({ from, to, reason }) => {
      if (to !== null) aside.take(to)
      if (from === null) return
      // A sign-out leaves the notes of an identity that was set aside: this device opens them again, offline too.
      if (to === null) void (aside.has(from) || notebook.forget(from))
      else if (reason === 'adopt') void notebook.reown(to, [to, from])
      else if (reason === 'discard') void notebook.discard(from)
      // After a conflict, or by a restore.
      else if (reason === 'switch' || reason === 'identityEnsured') aside.put(to, from)
    },
  })
}

/**
 * Returns the notes that the user would miss, including deletions that the server has not received, and what is only in
 * memory.
 */
async function notesOf(notebook: Notebook, principal: string): Promise<Note[]> {
  const { notes, pending } = await readLocalNotes(principal)
  const stored = new Set(notes.map(({ id }) => id))
  const onlyHere = notebook.notes().filter(({ owner, id }) => owner === principal && !stored.has(id))
  return [...notes, ...onlyHere].filter((note) => !isBlank(note) && (!note.deleted || pending.has(note.id)))
}
