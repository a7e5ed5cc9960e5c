import { LatchkeyError } from '../../lib/index.ts'
import {
  type ConnectedSession,
  type OwnerStore,
  type SessionAuth,
  type WriteAttempt,
  createWriteMarker,
  requireWriter,
} from '../../lib/session.ts'

type Write = (collection: string, ...rest: unknown[]) => Promise<unknown>

/** A client, or one of its transactions. */
type Writer = Record<WriteAttempt['operation'], Write>

interface WritingClient extends Writer {
  transact(callback: (transaction: Writer) => unknown, ...rest: unknown[]): Promise<unknown>
}

const OPERATIONS = ['insert', 'update', 'delete'] as const

/** What decides whether a write has an owner. */
interface WriteRules {
  /** True while the app reassigns the previous user's data. */
  isHandingOver(): boolean
  /** Returns the stored owner of the data; null or undefined if there is none yet. */
  readonly readOwner: OwnerStore['read']
}

/**
 * Refuses local writes without an owner, and those into another user's data. Triplit itself accepts them, and they
 * would reach the server under the next token: that of the next user, or of the owner who comes back. Marks the
 * identity as one that owns data.
 *
 * @param session - called at the first write
 */
export function refuseAnonymousWrites(
  client: object,
  auth: SessionAuth,
  session: () => ConnectedSession,
  { isHandingOver, readOwner }: WriteRules,
): void {
  const target = client as WritingClient
  const markWritten = createWriteMarker(auth)
  const requireOwner = async (attempt: WriteAttempt): Promise<void> => {
    const owner = await readOwner()
    const { session: current } = auth.getState()
    const writer = requireWriter(current ? auth : session(), attempt)
    if (owner && !(current?.principals ?? [writer]).includes(owner))
      throw new LatchkeyError('PRINCIPAL_MISMATCH', 'the data still belongs to another user')
  }
  const check = async (attempt: WriteAttempt): Promise<void> => {
    await auth.ready
    await session().ready
    if (!isHandingOver()) await requireOwner(attempt)
    markWritten()
  }
  const guard = (writer: Writer, operation: WriteAttempt['operation']): Write => {
    const write = writer[operation].bind(writer)
    return async (resource, ...rest) => {
      await check({ resource, operation })
      return write(resource, ...rest)
    }
  }

  const { transact } = target
  for (const operation of OPERATIONS) target[operation] = guard(target, operation)
  target.transact = (callback, ...rest) =>
    transact.call(target, (transaction) => callback(guarded(transaction, guard)), ...rest)
}

/** A transaction has private members, so that its other methods need the transaction itself. */
function guarded(transaction: Writer, guard: (writer: Writer, operation: WriteAttempt['operation']) => Write): Writer {
  return new Proxy(transaction, {
    get(target, name) {
      if (OPERATIONS.includes(name as WriteAttempt['operation']))
        return guard(target, name as WriteAttempt['operation'])
      const member = Reflect.get(target, name, target) as unknown
      return typeof member === 'function' ? (member.bind(target) as unknown) : member
    },
  })
}
