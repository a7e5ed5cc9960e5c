import { vi } from 'vitest'
import { readPayload } from '../../../lib/client/client.testing.ts'
import type { ClientWorld } from './world.ts'

/** The app's own server: the principal that a token names owns the rows that are written with it. */
export function receive({ data }: ClientWorld): void {
  vi.stubGlobal('fetch', async (request: Request) => {
    const jwt = request.headers.get('authorization')?.replace(/^Bearer /, '')
    if (jwt === undefined) return new Response(null, { status: 401 })
    data.add(String(readPayload(jwt)['sub']))
    return new Response('ok')
  })
}
