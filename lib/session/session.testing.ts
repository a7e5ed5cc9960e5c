import type { AuthOptions } from '../client/auth.ts'
import { encodeBase64url } from '../identity/encoding.ts'
import { nobleSuite } from '../identity/noble.ts'
import type { Auth } from '../client/auth.ts'
import type { AuthErrorKind } from '../machine/state.ts'
import { memoryStore } from '../keystore/memory.ts'
import { type MemoryAccountClient, type MemoryAccountServer, memoryAccountServer } from '../testing/memory-account.ts'
import { decodeJws } from '../tokens/decode.ts'
import { createAuth } from '../worker.ts'
import { connectSession } from './connect-session.ts'
import type { ConnectedSession } from './connected-session.ts'
import type { SessionAuth, SessionOptions, SessionTimer } from './options.ts'
import type { SessionErrorKind, SessionConnection, SessionTransport } from './transport.ts'

export const SECOND = 1000
export const MINUTE = 60_000
export const HOUR = 3_600_000
export const DAY = 86_400_000

/** A device's clock and timers. They can drift apart: timers stand still while it sleeps. */
export interface TestTime {
  readonly clock: () => number
  readonly timer: SessionTimer
  /** Advances the time timer by timer, and waits until all work that they start has settled. */
  advance(milliseconds: number): Promise<void>
  /** Sets the clock, or sleeps: timers do not advance. */
  jump(milliseconds: number): void
  /** Milliseconds that passed, unaffected by changes of the clock. */
  elapsed(): number
  /** The delays of all timers that were set. */
  readonly delays: number[]
  /** Number of pending timers. */
  waiting(): number
}

export function testTime(start: number = Date.UTC(2026, 0, 1)): TestTime {
  let wall = start
  let passed = 0
  let count = 0
  const timers = new Map<number, { at: number; callback: () => void }>()
  const delays: number[] = []
  const nextBefore = (limit: number): [number, { at: number; callback: () => void }] | undefined =>
    [...timers].filter(([, { at }]) => at <= limit).sort(([, left], [, right]) => left.at - right.at)[0]

  return {
    clock: () => wall,
    elapsed: () => passed,
    delays,
    waiting: () => timers.size,
    jump: (milliseconds) => void (wall += milliseconds),
    timer: {
      set(callback, milliseconds) {
        delays.push(milliseconds)
        timers.set(++count, { at: passed + milliseconds, callback })
        return count
      },
      clear: (handle) => void timers.delete(handle as number),
    },
    async advance(milliseconds) {
      const target = passed + milliseconds
      const moveTo = (at: number): void => {
        wall += at - passed
        passed = at
      }
      await rest()
      for (let found = nextBefore(target); found; found = nextBefore(target)) {
        const [handle, { at, callback }] = found
        timers.delete(handle)
        moveTo(Math.max(at, passed))
        callback()
        await rest()
      }
      moveTo(target)
    },
  }
}

/** Waits until all work that needs no timer has settled. */
export async function rest(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** How the peer reacts to a token. */
export type Answer = 'accept' | 'silence' | 'lose' | SessionErrorKind | AuthErrorKind

/** A transport that records its calls and reacts as configured. */
export interface TestTransport extends SessionTransport {
  /** `connect TOKEN`, `update TOKEN`, `hold TOKEN`, `disconnect paused`, `clear`, … */
  readonly calls: string[]
  /** Sets how the peer reacts to each token from now on. */
  answer: (token: string) => Answer
  /** The most recent connection. */
  connection(): SessionConnection
  /** The token on the wire; null without a connection. */
  token(): string | null
}

export function testTransport(
  without: readonly ('update' | 'clear' | 'hold')[] = [],
  keeps: SessionTransport['keeps'] = without.includes('clear') ? 'nothing' : 'data',
): TestTransport {
  let connection: SessionConnection | undefined
  let token: string | null = null
  const calls: string[] = []
  const transport: TestTransport = {
    calls,
    keeps,
    answer: () => 'accept',
    connection: () => connection!,
    token: () => token,
    connect(given, to) {
      calls.push(`connect ${nameOf(given)}`)
      token = given
      connection = to
      const answer = transport.answer(given)
      if (answer === 'accept') to.accepted()
      else if (answer === 'lose') to.lost()
      else if (answer !== 'silence') to.rejected(answer)
    },
    async update(given) {
      calls.push(`update ${nameOf(given)}`)
      const answer = transport.answer(given)
      if (answer === 'silence') return new Promise(() => {})
      if (answer !== 'accept') throw new Error(`refused: ${answer}`)
      token = given
      return undefined
    },
    hold: (given) => void calls.push(`hold ${nameOf(given)}`),
    disconnect(reason) {
      calls.push(`disconnect ${reason}`)
      token = null
    },
    clear: () => void calls.push('clear'),
  }
  for (const name of without) delete transport[name]
  return transport
}

/**
 * An unsigned token; the session leaves signatures to the server. `jti` names it in the calls of a {@link
 * TestTransport}.
 */
export function jwt(payload: object, header: object = { alg: 'none' }): string {
  return [header, payload, null]
    .map((part) => (part ? encodeBase64url(new TextEncoder().encode(JSON.stringify(part))) : 'c2ln'))
    .join('.')
}

/** Names a token by its `jti`, otherwise by its `sub`. */
export function nameOf(token: string): string {
  const { claims } = decodeJws(token, 20_000)
  return String(claims['jti'] ?? `of ${String(claims['sub'])}`)
}

export function claimsOf(token: string): Readonly<Record<string, unknown>> {
  return decodeJws(token, 20_000).claims
}

/** Issues tokens of one principal: `one`, `two`, `three`, … */
export interface TestSource {
  /** Issues another token. */
  next(claims?: object): string
  /** Number of calls of `handler`. */
  asked(): number
  /** For `refresh.handler`. */
  readonly handler: () => Promise<string | null>
  /** Sets what the handler does from now on. */
  answer: () => string | null | Promise<string | null>
}

const NAMES = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten']

/** @param clock - the issuer's clock, which is always right */
export function testSource(clock: () => number, sub = 'ada', lifetime = 900): TestSource {
  let made = 0
  let asked = 0
  const source: TestSource = {
    next(claims) {
      const iat = Math.floor(clock() / 1000)
      return jwt({ jti: NAMES[made++] ?? `${made}th`, sub, iat, exp: iat + lifetime, ...claims })
    },
    asked: () => asked,
    handler: async () => {
      asked++
      return source.answer()
    },
    answer: () => source.next(),
  }
  return source
}

/** `auth` without an identity, as in an app whose tokens come from elsewhere. */
export async function anonymousAuth(time: TestTime): Promise<Auth> {
  return (await testIdentity(time, { initialMode: 'anonymous' })).auth
}

/** A device with its identity and an account server. */
export interface TestIdentity {
  readonly auth: Auth
  readonly account: MemoryAccountClient
  readonly server: MemoryAccountServer
  principal(): string | undefined
}

/** Uses no timers, so that {@link rest} waits for all of it. */
export async function testIdentity(
  time: TestTime,
  options: AuthOptions = {},
  keystore = memoryStore(),
  server = memoryAccountServer(time.clock),
): Promise<TestIdentity> {
  const account = server.connect()
  const auth = createAuth({
    account: account.provider,
    keystore,
    clock: time.clock,
    audience: 'https://app.example',
    crypto: nobleSuite,
    ...options,
  })
  await auth.ready
  await rest()
  return { auth, account, server, principal: () => auth.getState().session?.principal }
}

/** A session with its device, transport and callbacks. */
export interface TestSession {
  readonly session: ConnectedSession
  /** The kinds passed to `onSessionError`. */
  readonly kinds: SessionErrorKind[]
  /** The errors passed to `onFault`. */
  readonly faults: unknown[]
}

export async function testSession(
  time: TestTime,
  auth: SessionAuth,
  transport: SessionTransport,
  options: SessionOptions = {},
): Promise<TestSession> {
  const kinds: SessionErrorKind[] = []
  const faults: unknown[] = []
  const session = connectSession(auth, transport, {
    clock: time.clock,
    timer: time.timer,
    onFault: (error) => void faults.push(error),
    ...options,
    onSessionError(kind, session) {
      kinds.push(kind)
      return options.onSessionError?.(kind, session)
    },
  })
  await session.ready
  await rest()
  return { session, kinds, faults }
}
