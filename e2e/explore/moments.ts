import type { DBAdapter } from 'better-auth'

/** What happens in the middle of a request: at the `nth` change of a table, counted from 1. */
export interface Moment {
  readonly nth: number
  /** `dies`: neither that change nor anything later of the request happens. Otherwise something else goes first. */
  readonly what: 'dies' | (() => Promise<void>)
}

/** The moments of a server's requests. */
export interface Moments {
  /** The server died in the present request. */
  readonly isDead: boolean
  arm(moment: Moment): void
  /** Starts the server again, and lets the following requests alone. */
  clear(): void
}

const CHANGES = ['create', 'update', 'updateMany', 'delete', 'deleteMany'] as const
const READS = ['findOne', 'findMany', 'count'] as const

/** Watches all that a server does with its tables. */
export function watchMoments(adapter: DBAdapter): Moments {
  let moment: Moment | undefined
  let changes = 0
  const moments = { isDead: false }

  async function beforeEach(isChange: boolean, isAlone: boolean): Promise<void> {
    if (moments.isDead) throw new Error('the server is dead')
    // In a transaction other requests wait for its end: giving way to one would never end.
    if (!isChange || !moment || (isAlone && moment.what !== 'dies') || ++changes < moment.nth) return
    const { what } = moment
    moment = undefined
    if (what !== 'dies') return what()
    moments.isDead = true
    throw new Error('the server died')
  }

  function watch(target: object, isAlone: boolean): void {
    const methods = target as Record<string, (...given: unknown[]) => Promise<unknown>>
    for (const name of [...CHANGES, ...READS]) {
      const before = methods[name]!.bind(target)
      const isChange = (CHANGES as readonly string[]).includes(name)
      methods[name] = async (...given) => (await beforeEach(isChange, isAlone), before(...given))
    }
  }

  watch(adapter, false)
  const begin = adapter.transaction.bind(adapter)
  const watched = new WeakSet<object>([adapter])
  adapter.transaction = (work) =>
    begin((trx) => {
      if (!watched.has(trx)) watch(trx, true)
      watched.add(trx)
      return work(trx)
    })
  return Object.assign(moments, {
    arm(next: Moment) {
      moment = next
      changes = 0
    },
    clear() {
      moment = undefined
      moments.isDead = false
    },
  })
}
