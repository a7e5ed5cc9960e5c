'use server'

import { createAuthenticator } from 'latchkey/server/kit'
import { headers } from 'next/headers'
import { resolver } from './resolver'

/** A server action: the owner of the new note, or why there is none. */
export async function addNote(): Promise<string> {
  const who = await createAuthenticator(resolver())({ headers: await headers(), method: 'POST' })
  return who.ok ? who.session.principal : String(who.response.status)
}
