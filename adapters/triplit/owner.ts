import { LatchkeyError } from '../../lib/index.ts'
import type { ConnectedSession, SessionAuth, SessionOptions } from '../../lib/session.ts'
import type { TriplitClientLike } from './client.ts'

/** Beside the data in the same database: `clear()` takes it along. */
const KEY: readonly string[] = ['latchkey', 'owner']

/** Whose data a client's local database holds, over reloads too. */
export interface Owner {
  /** Writes down whose the data is, if nobody's so far. */
  claim(): Promise<void>
  /**
   * Lets a principal's session begin.
   *
   * @throws {LatchkeyError} `PRINCIPAL_MISMATCH`: the data is somebody else's, and nobody said what becomes of it
   */
  admit(principal: string): Promise<void>
  /** What the app says to another principal. */
  readonly beforeRestart: SessionOptions['beforeRestart']
}

/** Makes what watches over whose data there is. */
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

  const beforeRestart: SessionOptions['beforeRestart'] =
    app &&
    (async (change, connected) => {
      await app(change, connected)
      await client.ready
      await write(change.to)
    })
  return {
    beforeRestart,
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

/** An adopted principal is the same person. */
function isSamePerson(auth: SessionAuth, owner: string, principal: string): boolean {
  const { session } = auth.getState()
  return session?.principal === principal && session.principals.includes(owner)
}
