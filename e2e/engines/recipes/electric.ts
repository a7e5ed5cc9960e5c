import { ShapeStream } from '@electric-sql/client'
import type { Auth } from 'latchkey'
import { tokenFor } from 'latchkey/session'

export function streamNotes(auth: Auth, principal: string): ShapeStream {
  const getToken = tokenFor(auth, { principal })
  return new ShapeStream({
    // Your proxy, which adds the table and the rows' owner.
    url: 'https://notes.example/shapes/note',
    headers: { authorization: async () => `Bearer ${(await getToken()) ?? ''}` },
    async onError(error: Error & { status?: number }) {
      if (error.status !== 401) return undefined
      // Headers that are returned here would replace the function above for good.
      const token = await getToken({ fresh: true }).catch(() => null)
      return token === null ? undefined : {}
    },
  })
}
