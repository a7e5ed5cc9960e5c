import { fc } from '../seeded.testing.ts'
import { beforeEach, expect, test, vi } from 'vitest'
import type { ConnectedSession } from './connected-session.ts'
import {
  HOUR,
  MINUTE,
  SECOND,
  type TestIdentity,
  type TestSource,
  type TestTime,
  claimsOf,
  rest,
  testIdentity,
  testSession,
  testSource,
  testTime,
} from './session.testing.ts'
import type { SessionErrorKind, SessionConnection, SessionTransport } from './transport.ts'

/** What an app, a person, a network, two servers and a clock can do to one session. */
const ACTS = [
  'start',
  'startWithToken',
  'startHeld',
  'startEve',
  'update',
  'updateEve',
  'updateRoles',
  'updateNull',
  'connect',
  'disconnect',
  'end',
  'clear',
  'ensureIdentity',
  'signOut',
  'upgrade',
  'errorElsewhere',
  'disabledElsewhere',
  'fineElsewhere',
  'offline',
  'online',
  'sessionGone',
  'sessionBack',
  'sourceThrows',
  'sourceNull',
  'sourceEve',
  'sourceHangs',
  'sourceFine',
  'takesAll',
  'takesNone',
  'isSilent',
  'isGone',
  'wrongSchema',
  'rejected',
  'roles',
  'lost',
  'second',
  'minutes',
  'hours',
  'sleep',
  'clockBack',
  'wake',
] as const
type Act = (typeof ACTS)[number]

/** How the app is made. */
const shapes = fc.record({
  hasHandler: fc.boolean(),
  canUpdate: fc.boolean(),
  canClear: fc.boolean(),
  lingers: fc.boolean(),
  prepares: fc.boolean(),
})
type Shape = typeof shapes extends fc.Arbitrary<infer Value> ? Value : never

interface World {
  readonly shape: Shape
  readonly time: TestTime
  readonly identity: TestIdentity
  readonly session: ConnectedSession
  readonly other: Other
  readonly source: TestSource
  readonly window: EventTarget
  /** `end` was called, and nothing since: not one call more. */
  isOver: boolean
  sourceDoes: 'fine' | 'throw' | 'null' | 'eve' | 'hang'
  asked: number
  /** Kinds that the app got while the server still accepted a token, and clears of an open connection. */
  readonly early: string[]
}

/** The other side, and what it sees. */
interface Other {
  readonly transport: SessionTransport
  does: 'take' | 'refuse' | 'silence' | 'lose' | 'schema'
  connection: SessionConnection | null
  wire: 'down' | 'opening' | 'up'
}

beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(1))

test('whatever happens to a session, no token goes astray, nothing runs twice or on, and good times bring it back', async () => {
  const outcomes: Record<string, number> = {}
  await fc.assert(
    fc.asyncProperty(
      shapes,
      fc.array(fc.constantFrom(...ACTS), { minLength: 1, maxLength: 30 }),
      async (shape, acts) => {
        const world = await newWorld(shape)
        for (const act of acts) {
          await perform(world, act)
          await rest()
          await check(world)
        }
        const { status } = world.session.getState()
        outcomes[status] = (outcomes[status] ?? 0) + 1
        await expectGoodTimesHelp(world)
      },
    ),
    { numRuns: Number(process.env['LATCHKEY_RUNS'] ?? 400) },
  )
  // The walks reach every status but the first.
  expect(Object.keys(outcomes).sort()).toEqual(['closed', 'connected', 'connecting', 'ended', 'paused', 'waiting'])
}, 600_000)

test('the model hears what its callbacks find', async () => {
  const world = await newWorld({ hasHandler: false, canUpdate: true, canClear: false, lingers: false, prepares: false })
  world.isOver = true // Not true: every call from now on is a finding.
  world.session.disconnect()
  await rest()
  expect(world.early).not.toEqual([])
})

async function newWorld(shape: Shape): Promise<World> {
  const time = testTime()
  const window = new EventTarget()
  vi.stubGlobal('addEventListener', window.addEventListener.bind(window))
  const identity = await testIdentity(time)
  const world = {
    shape,
    time,
    identity,
    window,
    source: testSource(time.clock, 'ada'),
    isOver: false,
    sourceDoes: 'fine',
    asked: 0,
    early: [] as string[],
  } as { -readonly [Field in keyof World]: World[Field] }
  world.other = newOther(world, shape)
  const { getToken } = identity.auth
  const asking = new Set<number>()
  const ask: typeof getToken = async (request) => {
    const id = ++world.asked
    noting(world, () => {
      expect(world.isOver).toBe(false)
      // One that hangs is given up after half a minute.
      for (const started of asking) expect(started).toBeLessThan(time.elapsed() - 29 * SECOND)
    })
    const started = time.elapsed() + id / 1e6
    asking.add(started)
    if (world.sourceDoes === 'hang') return new Promise(() => {})
    try {
      await Promise.resolve()
      if (world.sourceDoes === 'throw') throw new Error('out of order')
      if (world.sourceDoes === 'null') return null
      return world.sourceDoes === 'eve' ? testSource(time.clock, 'eve').next() : await getToken(request)
    } finally {
      asking.delete(started)
    }
  }
  const options = shape.hasHandler ? { refresh: { handler: () => ask({ fresh: true }) } } : {}
  const auth = shape.hasHandler ? identity.auth : { ...identity.auth, getToken: ask }
  const before = shape.prepares
    ? { beforeRestart: (_: object, session: ConnectedSession) => shape.canClear && session.clear() }
    : {}
  const onSessionError = (kind: SessionErrorKind): void => {
    const { status } = world.session.getState()
    if (!/paused|closed/.test(status) || world.other.wire !== 'down') world.early.push(`${kind} while ${status}`)
  }
  const all = { ...options, ...before, onSessionError }
  world.session = (await testSession(time, auth, world.other.transport, all)).session
  return world
}

/** Notes a failed expectation inside a callback: the session treats what is thrown there as a fault and goes on. */
function noting(world: World, expectation: () => void): void {
  try {
    expectation()
  } catch (error) {
    world.early.push((error as Error).message)
    throw error
  }
}

function newOther(world: World, { canUpdate, canClear, lingers }: Shape): Other {
  const { time, identity } = world
  const expectRight = (token: string): void =>
    noting(world, () => {
      expect(world.isOver).toBe(false)
      // Without a current identity the app decides whose session it is.
      expect(claimsOf(token)['sub']).toBe(identity.principal() ?? world.session.getState().principal)
    })
  const answer = (connection: SessionConnection): void => {
    if (other.does === 'lose') {
      other.wire = 'down'
      connection.lost()
    } else if (other.does === 'take') {
      other.wire = 'up'
      connection.accepted()
    } else if (other.does !== 'silence') connection.rejected(other.does === 'schema' ? 'SCHEMA_MISMATCH' : 'expired')
  }
  const transport: SessionTransport = {
    keeps: canClear ? 'data' : 'nothing',
    connect(token, connection) {
      expectRight(token)
      noting(world, () => expect(other.wire).toBe('down'))
      Object.assign(other, { wire: 'opening', connection })
      answer(connection)
    },
    hold: expectRight,
    disconnect() {
      noting(world, () => expect(world.isOver).toBe(false))
      other.wire = 'down'
      return lingers ? new Promise<void>((resolve) => time.timer.set(resolve, 100)) : undefined
    },
  }
  const other: Other = { transport, does: 'take', connection: null, wire: 'down' }
  // An engine that deletes its data has no connection afterwards, and does not say so.
  if (canClear)
    transport.clear = () => {
      if (other.wire !== 'down') world.early.push(`clear while ${other.wire}`)
      other.wire = 'down'
    }
  if (canUpdate) {
    transport.update = async (token) => {
      expectRight(token)
      noting(world, () => expect(other.wire).toBe('up'))
      if (other.does === 'silence') await new Promise(() => {})
      if (other.does !== 'take') throw new Error('refused')
    }
  }
  return other
}

async function perform(world: World, act: Act): Promise<void> {
  const { time, identity, session, other, source } = world
  const { auth, account } = identity
  const mine = (claims?: object): string =>
    source.next({ sub: identity.principal() ?? session.getState().principal ?? 'ada', ...claims })
  const reject = (why: SessionErrorKind): void => {
    if (other.wire === 'up') other.connection!.rejected(why)
  }
  const start = async (...given: Parameters<typeof session.start>): Promise<void> => {
    world.isOver = false
    await session.start(...given)
  }
  /** Without a verdict it waits; no server here does. */
  const update = (token: string | null): void => void session.update(token).catch(() => {})

  switch (act) {
    case 'start':
      // `beforeRestart` may wait until the time advances.
      return void (await Promise.race([startUnlessKept(world), rest()]))
    case 'startWithToken':
      return start(mine())
    case 'startHeld':
      return start(mine(), { autoConnect: false })
    case 'startEve':
      return start(testSource(time.clock, 'eve').next()).catch(() => {})
    case 'update':
      return update(mine())
    case 'updateEve':
      return update(testSource(time.clock, 'eve').next())
    case 'updateRoles':
      return update(mine({ role: 'other' }))
    case 'updateNull':
      return update(null)
    case 'connect':
      return session.connect()
    case 'disconnect':
      return session.disconnect()
    case 'end':
      void session.end()
      world.isOver = true
      return undefined
    case 'clear':
      return void session.clear().catch(() => {})
    case 'ensureIdentity':
      return void (await auth.ensureIdentity())
    case 'signOut':
      return auth.signOut()
    case 'upgrade':
      return void (await auth.upgrade(() => account.signUp(`person ${time.clock()}`)))
    case 'errorElsewhere':
      return auth.reportToken('invalid')
    case 'disabledElsewhere':
      return auth.reportToken('disabled')
    case 'fineElsewhere':
      return auth.reportToken(null)
    case 'offline':
      return void (account.online = false)
    case 'online':
      account.online = true
      return void world.window.dispatchEvent(new Event('online'))
    case 'sessionGone':
      return account.setSession(null)
    case 'sessionBack':
      return sessionBack(identity)
    case 'sourceThrows':
      return void (world.sourceDoes = 'throw')
    case 'sourceNull':
      return void (world.sourceDoes = 'null')
    case 'sourceEve':
      return void (world.sourceDoes = 'eve')
    case 'sourceHangs':
      return void (world.sourceDoes = 'hang')
    case 'sourceFine':
      return void (world.sourceDoes = 'fine')
    case 'takesAll':
      return void (other.does = 'take')
    case 'takesNone':
      return void (other.does = 'refuse')
    case 'isSilent':
      return void (other.does = 'silence')
    case 'isGone':
      return void (other.does = 'lose')
    case 'wrongSchema':
      return void (other.does = 'schema')
    case 'rejected':
      return reject('TOKEN_EXPIRED')
    case 'roles':
      return reject('ROLES_MISMATCH')
    case 'lost':
      if (other.wire !== 'up') return undefined
      other.wire = 'down'
      return other.connection!.lost()
    case 'second':
      return pass(world, SECOND)
    case 'minutes':
      return pass(world, 20 * MINUTE)
    case 'hours':
      return pass(world, 5 * HOUR)
    case 'sleep':
      return time.jump(8 * HOUR)
    case 'clockBack':
      return time.jump(-HOUR)
    case 'wake':
      return void world.window.dispatchEvent(new Event('pageshow'))
  }
}

/**
 * Returns false if it was refused: the transport keeps another user's data and the app does not handle it, or the user
 * changed while it was handled.
 */
async function startUnlessKept(world: World): Promise<boolean> {
  const { identity, isOver, session, shape } = world
  const principal = identity.principal()
  world.isOver = false
  try {
    await session.start()
    return true
  } catch (error) {
    expect(error).toMatchObject({ code: 'PRINCIPAL_MISMATCH' })
    if (identity.principal() !== principal) return false
    expect(shape).toMatchObject({ canClear: true, prepares: false })
    world.isOver = isOver
    return false
  }
}

function sessionBack({ account, server, auth }: TestIdentity): void {
  const [name] = [...server.accounts].find(([, { principal }]) => principal === auth.getState().session?.principal) ?? [
    null,
  ]
  account.setSession(name)
}

/** However bad things are, the session asks for tokens only now and then. */
async function pass(world: World, milliseconds: number): Promise<void> {
  const { asked } = world
  await world.time.advance(milliseconds)
  expect(world.asked - asked).toBeLessThan(16 + milliseconds / (150 * SECOND))
}

async function check({ time, session, other, identity, isOver, early }: World): Promise<void> {
  expect(early).toEqual([])
  const { status, principal, error } = session.getState()
  for (const delay of time.delays.splice(0)) {
    expect(delay).toBeGreaterThanOrEqual(0)
    expect(delay).toBeLessThan(2 ** 31)
  }
  expect(time.waiting()).toBeLessThan(16)
  if (principal !== null) expect(principal).toBe(identity.principal() ?? principal)
  if (status === 'connected') expect(other.wire).toBe('up')
  if (status === 'paused') expect(error).toBeDefined()
  if (['closed', 'ended', 'waiting'].includes(status)) expect(other.wire).toBe('down')
  if (isOver) expect(status).toBe('ended')
}

/** Once everything works, the session does. */
async function expectGoodTimesHelp(world: World): Promise<void> {
  const { time, identity, session, other } = world
  const { auth, account } = identity
  Object.assign(other, { does: 'take' })
  Object.assign(world, { sourceDoes: 'fine', isOver: false })
  account.online = true
  if (identity.principal() === undefined) await auth.ensureIdentity()
  sessionBack(identity)
  // A person who is told that their key moved to an account signs in again; here another party saw that all is well.
  auth.reportToken(null)
  const started = startUnlessKept(world)
  await time.advance(SECOND)
  if (!(await started)) {
    const cleared = session.clear()
    await time.advance(SECOND)
    await cleared
    await session.start()
  }
  session.connect()
  await rest()
  // A silent party answers.
  if (other.wire === 'opening') {
    other.wire = 'up'
    other.connection!.accepted()
  }
  await time.advance(10 * MINUTE)
  // The app gave a token of roles that the source does not give: it has to say that these are meant.
  if (session.getState().failure === 'ROLES_MISMATCH') {
    await session.start()
    await time.advance(10 * MINUTE)
  }
  // It may just be putting a fresh token in place.
  if (session.getState().status === 'connecting') await time.advance(SECOND)
  expect(session.getState()).toEqual({ status: 'connected', principal: identity.principal() })
  expect(auth.getState().error).toBeUndefined()
  const ended = session.end()
  await time.advance(MINUTE)
  await ended
  expect(time.waiting()).toBe(0)
  expect(world.early).toEqual([])
}
