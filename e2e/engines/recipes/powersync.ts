import type { CommonPowerSyncDatabase, PowerSyncBackendConnector } from '@powersync/common'
import type { Auth } from 'latchkey'
import { type ConnectedSession, connectSession, createWriteMarker, ownedTransport, tokenFor } from 'latchkey/session'

const ENDPOINT = 'https://powersync.notes.example'

function connectorOf(auth: Auth, principal: string): PowerSyncBackendConnector {
  const getToken = tokenFor(auth, { audience: ENDPOINT, principal, onOffline: 'throw' })
  return {
    async fetchCredentials() {
      const token = await getToken()
      return token === null ? null : { endpoint: ENDPOINT, token }
    },
    async uploadData(database) {
      const transaction = await database.getNextCrudTransaction()
      if (!transaction) return
      // An upload of the last user may still run: its rows must not go out under the next user's token.
      if (auth.getState().session?.principal !== principal) throw new Error('another user')
      const response = await auth.fetch('/api/changes', { method: 'POST', body: JSON.stringify(transaction.crud) })
      // It is tried again. Answer 200 for a row that your rules refuse: anything else blocks the queue.
      if (!response.ok) throw new Error('not taken')
      await transaction.complete()
    },
  }
}

export function connectPowerSync(auth: Auth, database: CommonPowerSyncDatabase): ConnectedSession {
  const transport = ownedTransport(
    auth,
    {
      keeps: 'data',
      // From here on, PowerSync asks for tokens and connects again by itself.
      async connect(_token, connection) {
        await database.connect(connectorOf(auth, connection.principal))
        connection.accepted()
      },
      update: () => {},
      disconnect: () => database.disconnect(),
      clear: () => database.disconnectAndClear(),
    },
    {
      // A local-only table, which `disconnectAndClear` empties too.
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
  // PowerSync's queue. Without the mark, a sign-in to another account would delete a guest's unsent rows unasked.
  const onChange = async (): Promise<void> => {
    if ((await database.getOptional('select id from ps_crud limit 1')) !== null) markWritten()
  }
  database.onChange({ onChange }, { tables: ['ps_crud'] })
  return connectSession(auth, transport, { audience: ENDPOINT, beforeRestart: (_, session) => session.clear() })
}
