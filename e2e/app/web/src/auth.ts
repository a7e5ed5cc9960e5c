import { createAuthClient } from 'better-auth/client'
import { type Auth, type LocalHoldings, type WaitingAccount, createAuth } from 'latchkey'
import { betterAuthAccount, latchkeyClient } from 'latchkey/better-auth/client'
import type { Aside } from './aside.ts'
import { fetchSummary } from './notes/api.ts'
import { type Note, isBlank } from './notes/note.ts'
import type { Notebook } from './notes/notebook.ts'
import { readHoldings } from './notes/store.ts'
import { summaryWords } from './notes/summary-words.ts'

/** Better Auth's client. That it carries proofs is the plugin's doing, and only while `auth.upgrade` runs. */
export type AccountClient = ReturnType<typeof createAccountClient>

export function createAccountClient() {
  // Better Auth would keep the `fetch` of this moment: the developer panel's offline switch could not reach it.
  return createAuthClient({
    plugins: [latchkeyClient()],
    fetchOptions: { customFetchImpl: (...request) => fetch(...request) },
  })
}

/** What an account is called: the address that it has, proven or not; null where that cannot be found out now. */
export async function accountName(client: AccountClient, waiting: WaitingAccount | undefined): Promise<string | null> {
  const [identifier] = waiting?.identifiers ?? []
  if (identifier) return identifier
  const { data } = await client.getSession().catch(() => ({ data: null }))
  return data && data.user.id === waiting?.accountId ? data.user.email : null
}

/** What the account provider shows of an account that is signed in there, and not in force here. */
async function describeAccount(getToken: () => Promise<string | null>): Promise<LocalHoldings> {
  const token = await getToken()
  if (!token) throw new TypeError('nobody is signed in')
  const { count, latest } = await fetchSummary(token)
  return { items: count, label: summaryWords(count, latest) }
}

/**
 * Everything the app tells Latchkey.
 *
 * @param aside - remembers which identities were put aside
 * @param flush - tries to bring to the server what it does not have yet
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
    // Another account never takes the place of an identity that somebody would miss.
    describeLocal: async (principal) => {
      const notes = await notesOf(principal)
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
      if (from === null) return
      if (to === null) void notebook.forget(from)
      else if (reason === 'adopt') void notebook.reown(to, [to, from])
      else if (reason === 'switch') aside.put(to, from)
      else if (reason === 'discard') void notebook.discard(from)
    },
  })
}

/** What somebody would miss; also a deletion that the server has not heard. */
async function notesOf(principal: string): Promise<Note[]> {
  const { notes, pending } = await readHoldings(principal)
  return notes.filter((note) => !isBlank(note) && (!note.deleted || pending.has(note.id)))
}
