import { type TestDevice, testDevice } from '../../lib/testing.ts'
import { PROOF_HEADER, type SessionAnswer } from '../../adapters/better-auth/index.ts'
import { AUDIENCE, ORIGIN } from '../../adapters/better-auth/testing/server.testing.ts'
import { dumpOf } from './dump.ts'
import { expectUnchanged } from './unchanged.ts'
import { expectAsTold, expectNobodyElse } from './oracles.ts'
import type { ExploredServer, Mail } from './server.ts'

/** People. Eve attacks; the others are honest. */
export const PEOPLE = ['ada', 'bob', 'eve'] as const
export type Name = (typeof PEOPLE)[number]

/** Browsers: each person's own, Ada's phone, and the browser in which her mail program opens links. */
export const SEATS = ['ada', 'phone', 'mailer', 'bob', 'eve'] as const
export type SeatName = (typeof SEATS)[number]

export interface Person {
  readonly name: Name
  /** Their mailboxes; the first is the one that they sign up with. */
  readonly mailboxes: readonly [string, string]
  readonly password: string
  readonly phone: string
  readonly wallet: string
  /** Of a second factor that they set up, for the account that has it. */
  backupCodes: string[]
}

/** A browser that somebody sits at, and the device identity in it. */
export interface Seat {
  readonly name: SeatName
  readonly person: Person
  readonly device: TestDevice
  readonly cookies: Map<string, string>
}

/** What is known of a session that somebody's browser has got. */
export interface HeldSession {
  readonly token: string
  /** Who sat at the browser that got it first. */
  readonly maker: Name
  /** The act that made it. */
  readonly by: string
  readonly holders: Set<Name>
}

/** What was said of an account, and who was told. */
export interface Told {
  readonly principal: string
  readonly aliases: readonly string[]
  readonly recoverable: boolean
}

/** What an answer was. */
export interface Answer {
  readonly status: number
  readonly body: unknown
  readonly code: string | undefined
  /** Where it leads on to. */
  readonly location: string | null
  /** The server refused. */
  readonly refused: boolean
}

/** One run of a sequence: who has what, what was said, and what happened. */
export interface World {
  readonly explored: ExploredServer
  readonly people: Readonly<Record<Name, Person>>
  readonly seats: Readonly<Record<SeatName, Seat>>
  readonly sessions: Map<string, HeldSession>
  /** By account. */
  readonly told: Map<string, Told>
  /** Keys of the API that Eve keeps. */
  readonly apiKeys: Map<Name, string[]>
  /** What honest people gave up themselves, as reasons why a principal is not theirs any more. */
  readonly gaveUp: Map<string, string>
  /** Principals of accounts that were deleted, whoever's. */
  readonly retired: Set<string>
  /** What happened, for the report. */
  readonly log: string[]
  /** What is broken. */
  readonly broken: string[]
  /** Does an act count as an attack? */
  hasAttack: boolean
}

const secrets = ['ada', 'phone', 'mailer', 'bob', 'eve'].map((name) =>
  Buffer.from(name.padEnd(32, '.')).toString('base64url'),
)
let devices: Promise<TestDevice[]> | undefined

export async function newWorld(explored: ExploredServer): Promise<World> {
  devices ??= Promise.all(secrets.map((secret) => testDevice(secret)))
  const known = await devices
  const people = Object.fromEntries(PEOPLE.map((name, at) => [name, newPerson(name, at)])) as Record<Name, Person>
  const seats = Object.fromEntries(
    SEATS.map((name, at) => [
      name,
      { name, person: people[ownerOf(name)], device: known[at]!, cookies: new Map<string, string>() },
    ]),
  ) as unknown as Record<SeatName, Seat>
  explored.mails.length = 0
  return {
    explored,
    people,
    seats,
    sessions: new Map(),
    told: new Map(),
    apiKeys: new Map(),
    gaveUp: new Map(),
    retired: new Set(),
    log: [],
    broken: [],
    hasAttack: false,
  }
}

function newPerson(name: Name, at: number): Person {
  return {
    name,
    mailboxes: [`${name}@example.com`, `${name}@new.example`],
    password: `the password of ${name}`,
    phone: `+1555000000${at}`,
    wallet: `0x${String(at + 1).repeat(40)}`,
    backupCodes: [],
  }
}

export function ownerOf(seat: SeatName): Name {
  return seat === 'phone' || seat === 'mailer' ? 'ada' : seat
}

/** Whose device a principal is. */
export function ownerOfPrincipal({ seats }: World, principal: string): Name | undefined {
  const seat = Object.values(seats).find(({ device }) => device.principal === principal)
  return seat?.person.name
}

/** Whose mailbox an address is. */
export function ownerOfMailbox({ people }: World, address: string): Name | undefined {
  return Object.values(people).find(({ mailboxes }) => mailboxes.includes(address))?.name
}

/** The last message of a kind that somebody got, or one before it. */
export function mailOf({ explored }: World, to: string, fits: (mail: Mail) => boolean, nth = 0): Mail | undefined {
  return explored.mails.filter((mail) => mail.to === to && fits(mail)).at(-1 - nth)
}

/** A fresh proof in its header. */
export async function proofOf({ device }: Seat): Promise<Record<string, string>> {
  return { [PROOF_HEADER]: await device.proof({ audience: AUDIENCE, purpose: 'upgrade' }) }
}

/** Sends a request from a browser. `act` names it in what is known of sessions. */
export async function send(
  world: World,
  seat: Seat,
  path: string,
  { body, headers = {} }: { readonly body?: object; readonly headers?: Record<string, string> } = {},
): Promise<Answer> {
  const [before, token] = [await dumpOf(world), tokenOf(seat)]
  const answer = await ask(world, seat.cookies, path, { ...(body && { body }), headers })
  noteSession(world, seat, path)
  const { stats } = world as { stats?: Map<string, number> }
  const stat = `${path.split('?')[0]!.replace(/\/reset-password\/.*/, '/reset-password/:token')} ${answer.status} ${answer.code ?? ''}`
  stats?.set(stat, (stats.get(stat) ?? 0) + 1)
  world.log.push(
    `    ${seat.name} ${body ? 'POST' : 'GET'} ${path.split('?')[0]} -> ${answer.status} ${answer.code ?? answer.location ?? ''}`,
  )
  if (answer.refused) expectUnchanged(world, { path, token, answer, before, after: await dumpOf(world) })
  return answer
}

/** Sends a request with some cookies, and keeps those of the answer. */
export async function ask(
  { explored }: Pick<World, 'explored'>,
  cookies: Map<string, string>,
  path: string,
  { body, headers = {} }: { readonly body?: object; readonly headers?: Record<string, string> } = {},
): Promise<Answer> {
  const request = new Request(`${AUDIENCE}${path}`, {
    method: body ? 'POST' : 'GET',
    headers: {
      origin: ORIGIN,
      ...(cookies.size > 0 && { cookie: [...cookies].map((pair) => pair.join('=')).join('; ') }),
      ...(body && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body && { body: JSON.stringify(body) }),
  })
  const response = await explored.server.handler(request)
  for (const cookie of response.headers.getSetCookie()) keepCookie(cookies, cookie)
  const text = await response.text()
  const parsed = text.startsWith('{') || text.startsWith('[') ? (JSON.parse(text) as unknown) : text
  const location = response.headers.get('location')
  const error = location ? new URL(location, ORIGIN).searchParams.get('error') : null
  return {
    status: response.status,
    body: parsed,
    code: (parsed as { code?: string } | null)?.code ?? error ?? undefined,
    location,
    refused: response.status >= 400 || error !== null,
  }
}

function keepCookie(cookies: Map<string, string>, header: string): void {
  const [pair = '', ...attributes] = header.split(';')
  const name = pair.slice(0, pair.indexOf('='))
  if (attributes.some((attribute) => /^\s*max-age=0$/i.test(attribute))) cookies.delete(name)
  else cookies.set(name, pair.slice(name.length + 1))
}

/** The token of the session that a browser has. */
export function tokenOf({ cookies }: Pick<Seat, 'cookies'>): string | undefined {
  const cookie = [...cookies].find(([name]) => name.endsWith('session_token'))?.[1]
  return cookie && decodeURIComponent(cookie).split('.')[0]
}

function noteSession(world: World, seat: Seat, path: string): void {
  const token = tokenOf(seat)
  if (!token) return
  const name = seat.person.name
  const found = world.sessions.get(token)
  if (found) found.holders.add(name)
  else world.sessions.set(token, { token, maker: name, by: path.split('?')[0]!, holders: new Set([name]) })
}

/** The session of a browser as far as it is known. */
export function sessionOf(world: World, seat: Seat): HeldSession | undefined {
  const token = tokenOf(seat)
  return token === undefined ? undefined : world.sessions.get(token)
}

/** Asks who the session of a browser belongs to, and holds the answer against what was said before. */
export async function look(world: World, seat: Seat, peek = false): Promise<SessionAnswer['session']> {
  const { body, status } = await send(world, seat, `/latchkey/session${peek ? '?peek=1' : ''}`)
  if (status !== 200) return null
  const { session } = body as SessionAnswer
  if (session) {
    const maker = sessionOf(world, seat)?.maker
    expectAsTold(world, maker, session)
    await expectNobodyElse(world, maker, seat.person.name, session)
  }
  if (session)
    world.log.push(
      `      is ${nameOf(world, session.principal)} [${session.aliases.map((alias) => nameOf(world, alias)).join()}]${session.recoverable ? ' recoverable' : ''}${session.open ? ' open' : ''}`,
    )
  return session
}

/** A principal as the report names it. */
export function nameOf(world: World, principal: string): string {
  const seat = Object.values(world.seats).find(({ device }) => device.principal === principal)
  return seat ? `<${seat.name}'s device>` : principal.slice(0, 8)
}
