// The recipes of docs/engines.md for engines that cannot run here, compiled with the types of their packages.
import { ShapeStream } from '@electric-sql/client'
import type { PowerSyncBackendConnector } from '@powersync/common'
import { createClient } from '@supabase/supabase-js'
import { ConvexClient } from 'convex/browser'
import Dexie from 'dexie'
import dexieCloud from 'dexie-cloud-addon'
import type { Auth } from 'latchkey'
import { tokenFor } from 'latchkey/session'

export function powerSync(auth: Auth): PowerSyncBackendConnector {
  const getToken = tokenFor(auth, { audience: 'https://powersync.notes.example', onOffline: 'throw' })
  return {
    async fetchCredentials() {
      const token = await getToken()
      return token === null ? null : { endpoint: 'https://powersync.notes.example', token }
    },
    async uploadData(database) {
      const transaction = await database.getNextCrudTransaction()
      if (!transaction) return
      const response = await auth.fetch('/api/changes', { method: 'POST', body: JSON.stringify(transaction.crud) })
      if (!response.ok) throw new Error('not taken')
      await transaction.complete()
    },
  }
}

export function electric(auth: Auth): ShapeStream {
  const getToken = tokenFor(auth)
  return new ShapeStream({
    url: 'https://notes.example/shapes/note',
    headers: { authorization: async () => `Bearer ${(await getToken()) ?? ''}` },
    async onError(error: Error & { status?: number }) {
      if (error.status !== 401) return undefined
      return { headers: { authorization: `Bearer ${(await getToken({ fresh: true })) ?? ''}` } }
    },
  })
}

export function convex(auth: Auth, client: ConvexClient): void {
  const getToken = tokenFor(auth, { onOffline: 'wait' })
  client.setAuth(({ forceRefreshToken }) => getToken({ fresh: forceRefreshToken }))
}

export const supabase = (auth: Auth) =>
  createClient('https://project.supabase.example', 'key', {
    accessToken: tokenFor(auth, { audience: 'https://project.supabase.example', onOffline: 'throw' }),
  })

export function dexie(auth: Auth): void {
  const database = new Dexie('notes', { addons: [dexieCloud] })
  database.cloud.configure({
    databaseUrl: 'https://notes.dexie.example',
    async fetchTokens({ public_key }) {
      const response = await auth.fetch('/api/dexie-tokens', { method: 'POST', body: JSON.stringify({ public_key }) })
      if (!response.ok) throw new Error('no token now')
      return response.json()
    },
  })
}
