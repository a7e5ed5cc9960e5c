import { isLatchkeyError, requireWriter, toResponse } from 'latchkey/server'
import { resolver } from '../../resolver'

export async function GET(request: Request): Promise<Response> {
  const who = await resolver().resolve(request)
  return who.ok ? Response.json(who.session) : who.response()
}

export async function POST(request: Request): Promise<Response> {
  const who = await resolver().resolve(request)
  if (!who.ok) return who.response()
  try {
    requireWriter(who.session, { resource: 'notes', operation: 'insert' })
    return Response.json({ owner: who.session.principal }, { status: 201 })
  } catch (error) {
    if (isLatchkeyError(error)) return toResponse(error)
    throw error
  }
}
