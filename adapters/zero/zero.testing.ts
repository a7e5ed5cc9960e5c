import type { Auth } from '../../lib/index.ts'
import type { MemoryAccountClient, MemoryAccountServer } from '../../lib/testing.ts'
import { type TestTime, rest, testIdentity, testTime } from '../../lib/session/session.testing.ts'
import type { ZeroLike, ZeroState } from './client.ts'
import { type ZeroInput, type ZeroSession, type ZeroSessionOptions, connectZero } from './connect.ts'

/**
 * A client with the states of Zero 1.9, without a socket. `npm run test:zero` runs the adapter with the real client and
 * a real zero-cache.
 */
export class TestZero implements ZeroLike {
  readonly input: ZeroInput
  /** What was put in place, in order. */
  readonly tokens: string[] = []
  /** Number of calls of `connect`, with a token or without. */
  connects = 0
  isClosed = false
  isDeleted = false
  /** Answers of the server to the writes, in order. */
  readonly answers: (() => void)[] = []
  readonly #listeners = new Set<(state: ZeroState) => void>()
  #state: ZeroState = { name: 'connecting' }

  constructor(input: ZeroInput) {
    this.input = input
  }
  readonly connection: ZeroLike['connection'] = {
    state: {
      current: { name: 'connecting' },
      subscribe: (listener) => {
        this.#listeners.add(listener)
        return () => void this.#listeners.delete(listener)
      },
    },
    connect: async (options) => {
      this.connects++
      if (options) this.tokens.push(options.auth)
      if (this.#state.name === 'needs-auth' || this.#state.name === 'error') this.show('connecting')
    },
  }
  readonly mutate = Object.assign(
    (text: string) => ({
      text,
      client: Promise.resolve(),
      server: new Promise<void>((resolve) => this.answers.push(resolve)),
    }),
    { note: { insert: async (row: object) => row } },
  )
  show(name: string, reason?: unknown): void {
    this.#state = reason === undefined ? { name } : { name, reason }
    Object.assign(this.connection.state, { current: this.#state })
    for (const listener of [...this.#listeners]) listener(this.#state)
  }
  /** The app's server refuses with the body that `latchkey/server` sends. */
  refuse(code: string, status = 401): void {
    const body = JSON.stringify({ error: 'unauthenticated', code })
    this.show('needs-auth', { type: 'query', status, body })
  }
  async close(): Promise<void> {
    this.isClosed = true
  }
  async delete(): Promise<unknown> {
    this.isClosed = true
    this.isDeleted = true
    return { deleted: [`rep:zero-${this.input.userID}`], errors: [] }
  }
}

/** A device with its session, and the Zero clients that were created. */
export interface ZeroRig {
  readonly time: TestTime
  readonly auth: Auth
  readonly account: MemoryAccountClient
  readonly server: MemoryAccountServer
  readonly session: ZeroSession<TestZero>
  /** All clients, the newest last. */
  readonly zeros: TestZero[]
  readonly kinds: string[]
  readonly faults: unknown[]
  principal(): string
  current(): TestZero
}

export async function zeroRig(
  options: Partial<ZeroSessionOptions<TestZero>> & {
    readonly accounts?: MemoryAccountServer
    readonly time?: TestTime
  } = {},
): Promise<ZeroRig> {
  const { accounts, time = testTime(), ...given } = options
  const { auth, account, server } = await testIdentity(time, {}, undefined, accounts)
  const [zeros, kinds, faults]: [TestZero[], string[], unknown[]] = [[], [], []]
  const session = connectZero<TestZero>(auth, {
    clock: time.clock,
    timer: time.timer,
    onFault: (error) => void faults.push(error),
    ...given,
    zero(input) {
      const zero = new TestZero(input)
      zeros.push(zero)
      return zero
    },
    onSessionError(kind, session) {
      kinds.push(kind)
      return given.onSessionError?.(kind, session)
    },
  })
  await session.ready
  await rest()
  return {
    time,
    auth,
    account,
    server,
    session,
    zeros,
    kinds,
    faults,
    principal: () => auth.getState().session!.principal,
    current: () => session.zero.get()!,
  }
}
