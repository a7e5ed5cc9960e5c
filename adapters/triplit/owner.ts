import { LatchkeyError } from '../../lib/index.ts'
import type { ConnectedSession, SessionAuth, SessionOptions } from '../../lib/session.ts'
import type { TriplitClientLike } from './client.ts'

/** Stored in the same database as the data, so that `clear()` deletes it too. */
const KEY: readonly string[] = ['latchkey', 'owner']

/** The owner of the data in a client's local database, kept over reloads. */
export interface Owner {
  /** Stores the current principal as the owner, if there is none. */
  claim(): Promise<void>
  /**
   * Allows a principal's session to start.
   *
   * @throws {LatchkeyError} `PRINCIPAL_MISMATCH`: the data belongs to another principal, and `beforeRestart` is missing
   *   or failed
   */
  admit(principal: string): Promise<void>
  /** True while the app handles another principal's data: it may reassign rows. */
  isHandingOver(): boolean
  /** The app's handling of another principal's data. */
  readonly beforeRestart: SessionOptions['beforeRestart']
}

/** Creates the owner check of a client. */
export function createOwner(
  auth: SessionAuth,
  client: TriplitClientLike,
  app: SessionOptions['beforeRestart'],
  session: () => ConnectedSession,
): Owner {
  const write = (principal: string): Promise<unknown> => client.db.setMetadata([...KEY], principal)
  async function read(): Promise<string | null> {
    await client.ready
    return ((await client.db.getMetadata([...KEY])) as string | null | undefined) ?? null
  }

  let handovers = 0
  const beforeRestart: SessionOptions['beforeRestart'] =
    app &&
    (async (change, connected) => {
      handovers++
      try {
        await app(change, connected)
      } finally {
        handovers--
      }
      await client.ready
      await write(change.to)
    })
  return {
    beforeRestart,
    isHandingOver: () => handovers > 0,
    async claim() {
      const owner = await read()
      const { session: current } = auth.getState()
      if (owner === null && current) await write(current.principal)
    },
    async admit(principal) {
      const owner = await read()
      if (owner === principal) return
      if (owner === null || isSamePerson(auth, owner, principal)) return void (await write(principal))
      if (!beforeRestart)
        throw new LatchkeyError(
          'PRINCIPAL_MISMATCH',
          'the local Triplit data belongs to another principal; pass beforeRestart',
        )
      await Promise.resolve(beforeRestart({ from: owner, to: principal }, session())).catch((error: unknown) => {
        throw new LatchkeyError(
          'PRINCIPAL_MISMATCH',
          'beforeRestart failed; the local Triplit data still belongs to another principal',
          error,
        )
      })
    },
  }
}

/** An adopted principal belongs to the same user. */
function isSamePerson(auth: SessionAuth, owner: string, principal: string): boolean {
  const { session } = auth.getState()
  return session?.principal === principal && session.principals.includes(owner)
}
