import { expect, test } from 'vitest'
import { httpGrants } from './grants.ts'

const give = (body: object | string, status: number): Promise<string> => {
  const response = typeof body === 'string' ? new Response(body, { status }) : Response.json(body, { status })
  return httpGrants('https://notes.example', async () => response).give('thumbprint', async () => 'proof')
}

test("only Better Auth's own answer says that there is no session, not what stands in front of it", async () => {
  await expect(give({ code: 'UNAUTHORIZED', message: 'Unauthorized' }, 401)).rejects.toMatchObject({
    code: 'SESSION_MISSING',
  })
  for (const body of ['<title>Hotel</title>', {}, { code: 'INVALID_API_KEY' }])
    await expect(give(body, 401)).rejects.toMatchObject({ code: 'OFFLINE' })
})
