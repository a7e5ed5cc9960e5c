import type { Auth } from 'latchkey'
import { tokenFor } from 'latchkey/session'
import PouchDB from 'pouchdb'

/** The notes of one user: on this device, and at the server. */
export function syncNotes(auth: Auth, principal: string) {
  const getToken = tokenFor(auth, { principal })
  const remote = (owner: string): PouchDB.Database =>
    new PouchDB(`https://notes.example/db/notes-${owner}`, {
      skip_setup: true,
      async fetch(url, options) {
        // A sync of the last user may still run: it must not go out under the next user's token.
        if ((await getToken()) === null) throw new Error('another user')
        return auth.fetch(url, options)
      },
    })
  const local = new PouchDB(`notes-${principal}`)
  return {
    local,
    sync: local.sync(remote(principal), { live: true, retry: true }),
    /** After an adoption: what the server has in the database of the alias. */
    merge: (alias: string) => local.replicate.from(remote(alias)),
  }
}
