// The recipes of docs/engines.md for engines that cannot run here, compiled with the types of their packages.
import { ShapeStream } from '@electric-sql/client'
import type { CommonPowerSyncDatabase, PowerSyncBackendConnector } from '@powersync/common'
import { createClient } from '@supabase/supabase-js'
import { ConvexClient } from 'convex/browser'
import Dexie from 'dexie'
import dexieCloud from 'dexie-cloud-addon'
import type { Auth } from 'latchkey'
import { type ConnectedSession, connectSession, createWriteMarker, ownedTransport, tokenFor } from 'latchkey/session'

const POWERSYNC = 'https://powersync.notes.example'

function connectorOf(auth: Auth, principal: string): PowerSyncBackendConnector {
  const getToken = tokenFor(auth, { audience: POWERSYNC, principal, onOffline: 'throw' })
  return {
    async fetchCredentials() {
      const token = await getToken()
      return token === null ? null : { endpoint: POWERSYNC, token }
    },
    async uploadData(database) {
      const transaction = await database.getNextCrudTransaction()
      if (!transaction) return
      if (auth.getState().session?.principal !== principal) throw new Error('another user')
      const response = await auth.fetch('/api/changes', { method: 'POST', body: JSON.stringify(transaction.crud) })
      if (!response.ok) throw new Error('not taken')
      await transaction.complete()
    },
  }
}

export function powerSync(auth: Auth, database: CommonPowerSyncDatabase): ConnectedSession {
  const transport = ownedTransport(
    auth,
    {
      keeps: 'data',
      async connect(_token, connection) {
        await database.connect(connectorOf(auth, connection.principal))
        connection.accepted()
      },
      update: () => {},
      disconnect: () => database.disconnect(),
      clear: () => database.disconnectAndClear(),
    },
    {
      read: async () => (await database.getOptional<{ principal: string }>('select principal from owner'))?.principal,
      write: (principal) =>
        database.writeTransaction(async (transaction) => {
          await transaction.execute('delete from owner')
          if (principal !== null)
            await transaction.execute('insert into owner (id, principal) values (?, ?)', ['owner', principal])
        }),
    },
  )
  const markWritten = createWriteMarker(auth)
  const onChange = async (): Promise<void> => {
    if ((await database.getOptional('select id from ps_crud limit 1')) !== null) markWritten()
  }
  database.onChange({ onChange }, { tables: ['ps_crud'] })
  return connectSession(auth, transport, { audience: POWERSYNC, beforeRestart: (_, session) => session.clear() })
}

export function electric(auth: Auth, principal: string): ShapeStream {
  const getToken = tokenFor(auth, { principal })
  return new ShapeStream({
    url: 'https://notes.example/shapes/note',
    headers: { authorization: async () => `Bearer ${(await getToken()) ?? ''}` },
    async onError(error: Error & { status?: number }) {
      if (error.status !== 401) return undefined
      const token = await getToken({ fresh: true }).catch(() => null)
      return token === null ? undefined : {}
    },
  })
}

export function convex(auth: Auth, client: ConvexClient): void {
  const getToken = tokenFor(auth, { onOffline: 'wait' })
  let principal: string | undefined
  const authenticate = (): void => client.setAuth(({ forceRefreshToken }) => getToken({ fresh: forceRefreshToken }))
  auth.subscribe(({ session }) => {
    if (session?.principal === principal) return
    principal = session?.principal
    authenticate()
  })
  authenticate()
}

export const supabase = (auth: Auth) =>
  createClient('https://project.supabase.example', 'key', {
    accessToken: tokenFor(auth, { audience: 'https://project.supabase.example', onOffline: 'throw' }),
  })

export function dexie(auth: Auth): () => boolean {
  const database = new Dexie('notes', { addons: [dexieCloud] })
  const { cloud } = database
  cloud.configure({
    databaseUrl: 'https://notes.dexie.example',
    async fetchTokens({ public_key }) {
      const response = await auth.fetch(`/api/dexie-tokens?public_key=${encodeURIComponent(public_key)}`)
      if (!response.ok) throw new Error('no token now')
      return response.json()
    },
  })
  const principalNow = (): string | undefined => auth.getState().session?.principal
  const isMine = (): boolean => cloud.currentUserId === principalNow()
  async function follow(): Promise<void> {
    if (cloud.currentUserId !== 'unauthorized' && !isMine()) await cloud.logout()
    if (principalNow() !== undefined) await cloud.login()
  }
  let running: Promise<void> = auth.ready
  const followUser = (): void => {
    running = running.then(follow).catch(() => {})
  }
  followUser()
  auth.subscribe(followUser)
  addEventListener('online', followUser)
  return isMine
}
