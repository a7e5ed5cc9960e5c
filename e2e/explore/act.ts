import type { Name, Seat, SeatName, World } from './world.ts'

/** One thing that a person does. All of it is plain data, so that a sequence can be written down and made smaller. */
export interface Act {
  /** The browser that a person sits at. */
  readonly at: SeatName
  readonly do: string
  /** A mailbox: whose, and which of the two. */
  readonly to?: Address
  /** With the device's proof, as inside `upgrade`. */
  readonly proof?: boolean
  /** One of the variants of the act. */
  readonly how?: string
  /** Which message, counted back from the last one; or which step of time. */
  readonly nth?: number
  /** At the nth change of a table the server dies. */
  readonly dies?: number
  /** At the nth change of a table it gives way to the next act, which is done as a whole. */
  readonly yields?: number
}

/** A mailbox. */
export type Address = `${Name}${'' | '2'}`

/** Does one act; what cannot be done now is left out. */
export type Doing = (world: World, seat: Seat, act: Act) => Promise<void>

/** Where a mailbox is. */
export function mailboxOf({ people }: World, address: Address): string {
  const name = address.replace('2', '') as Name
  return people[name].mailboxes[address.endsWith('2') ? 1 : 0]
}

/** The mailbox that an act names; the person's first one where it names none. Honest people use their own only. */
export function addressIn(world: World, { person }: Seat, { to }: Act): string {
  const named = to === undefined ? person.mailboxes[0] : mailboxOf(world, to)
  if (person.name === 'eve' || person.mailboxes.includes(named)) return named
  return person.mailboxes[to?.endsWith('2') ? 1 : 0]
}

/** An act as a report shows it. */
export function textOf({ at, do: name, to, proof, how, nth, dies, yields }: Act): string {
  const more = [
    to,
    proof === true && 'with a proof',
    how,
    nth !== undefined && `#${nth}`,
    dies && `dies at change ${dies}`,
    yields && `at change ${yields} the next act comes first`,
  ].filter(Boolean)
  return `${at} ${name}${more.length > 0 ? ` (${more.join(', ')})` : ''}`
}
