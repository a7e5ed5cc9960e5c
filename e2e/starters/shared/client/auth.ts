import { createAuthClient } from 'better-auth/client'
import { createAuth } from 'latchkey'
import { betterAuthAccount, latchkeyClient } from 'latchkey/better-auth/client'
import { changeNotes, readNotes } from './local-notes.ts'

export const authClient = createAuthClient({ plugins: [latchkeyClient()] })

const account = betterAuthAccount(authClient)

/** The identity of this device. It exists at once and offline; an account comes later, if the user wants one. */
export const auth = createAuth({
  account,
  // With both, a sign-in never hides what this device holds: the user is asked.
  describeLocal: async (principal) => {
    const notes = await readNotes()
    return counted(notes.filter(({ owner, isDeleted }) => owner === principal && !isDeleted).length)
  },
  describeAccount: async () => {
    const response = await fetch('/api/notes', { headers: { authorization: `Bearer ${await account.getToken()}` } })
    const { notes } = (await response.json()) as { notes: unknown[] }
    return counted(notes.length)
  },
  // A sign-out waits while something exists only here.
  beforeSignOut: async () => {
    const principals = auth.getState().session?.principals ?? []
    const notes = await readNotes()
    return { unsynced: notes.filter(({ owner, isPending }) => isPending && principals.includes(owner)).length }
  },
  // What the server has need not stay in the browser of a user who signed out.
  onPrincipalChange: ({ from, to }) => {
    if (from !== null && to === null) void changeNotes((notes) => notes.filter(({ isPending }) => isPending))
  },
})

function counted(items: number) {
  return { items, label: items === 1 ? '1 note' : `${items} notes` }
}
