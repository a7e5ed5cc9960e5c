import { auth } from './auth.ts'

export async function listNotes(request: Request): Promise<Response> {
  const session = await auth.api.getSession({ headers: request.headers })
  if (!session) return new Response(null, { status: 401 })
  return Response.json(await notesOf([session.user.id]))
}

async function notesOf(owners: readonly string[]): Promise<string[]> {
  return owners.map((owner) => `a note of ${owner}`)
}
