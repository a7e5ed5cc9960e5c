import type Sqlite from 'better-sqlite3'
import { tokenOf } from '../world.ts'
import { type TestEnvironment } from '../../../lib/client/faults.testing.ts'
import type { Keyring } from '../../../lib/keystore/record.ts'
import type { AuthOptions } from '../../../lib/index.ts'
import type { Doing } from '../../../lib/client/model.testing.ts'
import type { AccountServer } from './account-server.ts'
import { type Device, type DeviceName, type Page, type Tab, newDevice, openPage } from './device.ts'

/** One run of a sequence: two devices, one server, and what people gave up themselves. */
export interface ClientWorld {
  readonly explored: AccountServer
  readonly environment: TestEnvironment
  readonly devices: Readonly<Record<DeviceName, Device>>
  readonly tabs: readonly [Tab, Tab, Tab]
  /** Pages that are gone. */
  readonly gone: Page[]
  /** What was asked for and is not settled. */
  readonly running: Set<Promise<unknown>>
  /** Words that a person wrote down, by principal. */
  readonly words: Map<string, string>
  /** Principals whose secret was copied out of a device. */
  readonly importable: Set<string>
  /** Principals that the data server has rows of. */
  readonly data: Set<string>
  /** Why a principal may be out of reach: what the person did. */
  readonly gaveUp: Map<string, string>
  readonly retired: Set<string>
  /** Principals of each account that was there. */
  readonly accounts: Map<string, readonly string[]>
  /** Accounts of the attacker. */
  readonly eves: Set<string>
  /** Sessions that a sign-out on a device named. */
  readonly left: Map<string, Device>
  readonly log: string[]
  readonly broken: string[]
  /** Sign-outs that the server received. */
  heard: number
  /** Number of times that the server told about a session. */
  asked: number
  /** A fault of a store struck since everything was at rest. */
  isFaulty: boolean
  /** Seats have no names here. */
  readonly seats: Readonly<Record<never, never>>
}

export async function newWorld(explored: AccountServer, environment: TestEnvironment): Promise<ClientWorld> {
  const devices = { laptop: newDevice('laptop'), phone: newDevice('phone') }
  const tab = (device: Device, name: string): Tab => ({ device, name, page: null })
  const world: ClientWorld = {
    explored,
    environment,
    devices,
    tabs: [tab(devices.laptop, 'laptop 1'), tab(devices.laptop, 'laptop 2'), tab(devices.phone, 'phone')],
    gone: [],
    running: new Set(),
    words: new Map(),
    importable: new Set(),
    data: new Set(),
    gaveUp: new Map(),
    retired: new Set(),
    accounts: new Map(),
    eves: new Set(),
    left: new Map(),
    log: [],
    broken: [],
    heard: 0,
    asked: 0,
    isFaulty: false,
    seats: {},
  }
  explored.letters.length = 0
  return world
}

/** Opens a page in a tab, in place of the one before. */
export function open(world: ClientWorld, tab: Tab, options: AuthOptions = {}): Page {
  tab.page = openPage(tab.device, handlerOf(world), (...seen) => observe(world, ...seen), options)
  return tab.page
}

function handlerOf(world: ClientWorld): (request: Request) => Promise<Response> {
  return async (request) => {
    const answer = await world.explored.server.handler(request)
    const { pathname } = new URL(request.url)
    if (pathname.endsWith('/sign-out') && answer.ok) world.heard++
    if (pathname.endsWith('/latchkey/session') && answer.ok) world.asked++
    return answer
  }
}

function observe(
  world: ClientWorld,
  device: Device,
  doing: Doing,
  before: Keyring | null,
  after: Keyring | null,
): void {
  const facts = {
    isTraced: device.store.trace.found(),
    importable: world.importable,
    heard: world.heard,
    asked: world.asked,
    // No app here says that it moves its users: no session is taken at the first start.
    isNew: false,
    session: sessionOf(world, device)?.accountId,
    isEves: (accountId: string) => world.eves.has(accountId),
    hasVerified: (accountId: string, identifier: string) => hasVerified(world, accountId, identifier),
    isEnded: (id: string) => one(world, 'select 1 from session where id = ?', id) === undefined,
  }
  device.rules.observe(doing, facts, before, after)
  for (const violation of device.rules.violations) world.broken.push(`${device.name}: ${violation}`)
  for (const { sessionId } of after?.outbox ?? []) if (sessionId !== undefined) world.left.set(sessionId, device)
  const kept = new Set(after?.entries.map(({ principal }) => principal))
  const isAsked = ['forget', 'discard'].some((act) => doing.acts.includes(act))
  for (const { principal } of before?.entries ?? [])
    if (isAsked && !kept.has(principal)) world.gaveUp.set(principal, 'forgotten')
}

/** The session of a device at the server, if its cookie is that of one. */
export function sessionOf(
  world: ClientWorld,
  device: Device,
): { readonly id: string; readonly accountId: string } | undefined {
  const token = tokenOf(device)
  return token === undefined
    ? undefined
    : one(world, 'select id, userId as accountId from session where token = ?', token)
}

function hasVerified(world: ClientWorld, accountId: string, identifier: string): boolean {
  const found = one<{ email: string }>(world, 'select email from user where emailVerified = 1 and id = ?', accountId)
  return found?.email === identifier.trim().toLowerCase()
}

const statements = new WeakMap<object, Map<string, Sqlite.Statement>>()

/** One row, behind the server's back. */
export function one<Row>({ explored }: ClientWorld, sql: string, value: string): Row | undefined {
  const database = explored.database.database as Sqlite.Database
  const known = statements.get(database) ?? new Map<string, Sqlite.Statement>()
  statements.set(database, known)
  const statement = known.get(sql) ?? database.prepare(sql)
  known.set(sql, statement)
  return statement.get(value) as Row | undefined
}

/** Pages that are open. */
export function pagesOf({ tabs }: ClientWorld): (Tab & { readonly page: Page })[] {
  return tabs.filter((tab): tab is Tab & { readonly page: Page } => tab.page !== null)
}
