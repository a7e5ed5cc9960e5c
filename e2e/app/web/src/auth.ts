import { createAuthClient } from 'better-auth/client'
import { type Auth, createAuth } from 'latchkey'
import { betterAuthAccount, latchkeyClient } from 'latchkey/better-auth/client'
import { isBlank } from './notes/note.ts'
import type { Notebook } from './notes/notebook.ts'
import { readHoldings } from './notes/store.ts'
import { quantity } from './words.ts'

/** Better Auth's client. That it carries proofs is the plugin's doing, and only while `auth.upgrade` runs. */
export type AccountClient = ReturnType<typeof createAccountClient>

export function createAccountClient() {
  // Better Auth would keep the `fetch` of this moment: the developer panel's offline switch could not reach it.
  return createAuthClient({ plugins: [latchkeyClient()], fetchOptions: { customFetchImpl: (...request) => fetch(...request) } })
}

/**
 * Everything the app tells Latchkey.
 *
 * @param flush - tries to bring to the server what it does not have yet
 */
export function createNotesAuth(account: AccountClient, notebook: Notebook, flush: () => Promise<void>): Auth {
  return createAuth({
    account: betterAuthAccount(account),
    // Another account never takes the place of an identity that somebody would miss.
    describeLocal: async (principal) => {
      const items = await countNotes(principal)
      return { items, label: quantity(items, 'note') }
    },
    beforeSignOut: async () => {
      await notebook.settled()
      await flush()
      return { unsynced: notebook.pendingCount() }
    },
    onPrincipalChange: ({ from, to }) => {
      if (from !== null && to === null) void notebook.forget(from)
    },
  })
}

async function countNotes(principal: string): Promise<number> {
  const { notes, pending } = await readHoldings(principal)
  return notes.filter((note) => !isBlank(note) && (!note.deleted || pending.has(note.id))).length
}
