import { AsyncLocalStorage } from 'node:async_hooks'

/** A database client whose open transaction can be found. */
export interface TrackedDatabase<Client> {
  /** The client, to be given to Better Auth and used everywhere else. */
  readonly client: Client
  /**
   * Returns what the client gave to the work of the transaction that is running around this call.
   *
   * @throws {TypeError} there is none
   */
  transaction(): TransactionOf<Client>
}

type Begin<Transaction> = (work: (transaction: Transaction) => never) => unknown
type KyselyClient<Transaction> = Record<'transaction', () => Record<'execute', Begin<Transaction>>>
type DrizzleClient<Transaction> = Record<'transaction', Begin<Transaction>>
type PrismaClient<Transaction> = Record<'$transaction', Begin<Transaction>>

/** What a client gives to the work of a transaction. */
export type TransactionOf<Client> =
  Client extends KyselyClient<infer Transaction>
    ? Transaction
    : Client extends DrizzleClient<infer Transaction>
      ? Transaction
      : Client extends PrismaClient<infer Transaction>
        ? Transaction
        : never

type Work = (...args: unknown[]) => unknown

/**
 * Lets `onLink` and `onUnlink` find the transaction that Better Auth runs them in: Better Auth gives its plugins an
 * adapter, which knows no SQL.
 *
 * @param client - of Kysely, Drizzle or Prisma: it has `transaction().execute(work)`, `transaction(work)` or
 *   `$transaction(work)`
 */
export function trackTransactions<Client extends object>(client: Client): TrackedDatabase<Client> {
  const open = new AsyncLocalStorage<unknown>()
  const tracked =
    (work: Work): Work =>
    (transaction, ...more) =>
      open.run(transaction, () => work(transaction, ...more))
  const track = <Target extends object>(target: Target, methods: readonly PropertyKey[]): Target => {
    /** A client that is derived from the client, or a builder of the builder, is followed as it is. */
    const follow = (result: unknown): unknown => {
      const isLike = typeof result === 'object' && result !== null && methods.some((method) => method in result)
      return isLike ? track(result, methods) : result
    }
    return new Proxy(target, {
      get(_, name) {
        const member: unknown = Reflect.get(target, name, target)
        if (typeof member !== 'function') return member
        const call = member.bind(target) as Work
        // Kysely's `fn` is a function that has methods.
        if (!methods.includes(name)) return Object.assign((...args: unknown[]) => follow(call(...args)), member)
        return (first: unknown, ...more: unknown[]) => {
          if (typeof first === 'function') return call(tracked(first as Work), ...more)
          // Kysely's `transaction()` returns an object with the method `execute`.
          return first === undefined ? track(call() as object, ['execute']) : call(first, ...more)
        }
      },
    })
  }
  const transaction = (): TransactionOf<Client> => {
    const found = open.getStore()
    if (found === undefined) throw new TypeError('there is no transaction of this client')
    return found as TransactionOf<Client>
  }
  return { client: track(client, ['transaction', '$transaction']), transaction }
}
