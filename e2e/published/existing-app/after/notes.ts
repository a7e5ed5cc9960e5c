import { createBetterAuthResolver } from 'latchkey/better-auth'
import { auth } from './auth.ts'

const resolver = createBetterAuthResolver(auth)

export async function listNotes(request: Request): Promise<Response> {
  const who = await resolver.resolve(request)
  if (!who.ok) return who.response()
  return Response.json(await notesOf(who.session.principals))
}

async function notesOf(owners: readonly string[]): Promise<string[]> {
  return owners.map((owner) => `a note of ${owner}`)
}
