import { createBetterAuthResolver } from 'latchkey/better-auth'
import { auth } from './auth.ts'
const resolver = createBetterAuthResolver(auth)

export async function listNotes(request: Request): Promise<Response> {
  const who = await resolver.resolve(request)
  return who.ok ? Response.json(await notesOf(who.session.principals)) : who.response()
}

async function notesOf(owners: readonly string[]): Promise<string[]> {
  return owners.map((owner) => `a note of ${owner}`)
}
