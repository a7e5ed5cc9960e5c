import { type TestDevice, testDevice } from '../../lib/testing.ts'
import { PROOF_HEADER } from '../../adapters/better-auth/index.ts'
import { AUDIENCE } from '../../adapters/better-auth/testing/server.testing.ts'
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

/** A browser that a person sits at, and the device identity in it. */
export interface Seat {
  readonly name: SeatName
  readonly person: Person
  readonly device: TestDevice
  readonly cookies: Map<string, string>
}

/** What is known of a session that a person's browser has got. */
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
  /** Messages that were used. */
  readonly used: Set<Mail>
  /** What honest people gave up themselves, as reasons why a principal is not theirs any more. */
  readonly gaveUp: Map<string, string>
  /** Accounts that are Eve's by an identifier that she has proven. */
  readonly eves: Set<string>
  /** Principals of accounts that were deleted, of all people. */
  readonly retired: Set<string>
  /** What happened, for the report. */
  readonly log: string[]
  /** What is broken. */
  readonly broken: string[]
  /** Another act goes on in the middle of this one. */
  isInterrupted: boolean
  /** Who did something, or had something done to their mailbox. */
  readonly acted: Set<SeatName>
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
    used: new Set(),
    gaveUp: new Map(),
    retired: new Set(),
    eves: new Set(),
    log: [],
    broken: [],
    isInterrupted: false,
    acted: new Set(),
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

/** The last message of a kind that a person got, or one before it. */
export function mailOf({ explored }: World, to: string, fits: (mail: Mail) => boolean, nth = 0): Mail | undefined {
  return explored.mails.filter((mail) => mail.to === to && fits(mail)).at(-1 - nth)
}

/** A fresh proof in its header. */
export async function proofOf({ device }: Seat): Promise<Record<string, string>> {
  return { [PROOF_HEADER]: await device.proof({ audience: AUDIENCE, purpose: 'upgrade' }) }
}

/** The token of the session that a browser has. */
export function tokenOf({ cookies }: Pick<Seat, 'cookies'>): string | undefined {
  const cookie = [...cookies].find(([name]) => name.endsWith('session_token'))?.[1]
  return cookie && decodeURIComponent(cookie).split('.')[0]
}

/** Notes whose browser has got which session. */
export function noteSession(world: World, seat: Seat, path: string): void {
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

/** Whose seats have names. */
export interface Named {
  readonly seats: Readonly<Partial<Record<SeatName, Seat>>>
}

/** A principal as the report names it. */
export function nameOf(world: Named, principal: string): string {
  const seat = Object.values(world.seats).find(({ device }) => device.principal === principal)
  return seat ? `<${seat.name}'s device>` : principal.slice(0, 8)
}
