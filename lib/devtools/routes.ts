import type { EDGES } from '../machine/edges.ts'

type WayOf<Edge> = Edge extends { readonly from: infer From extends string; readonly to: infer To extends string } ? `${From} ${To}` : never

/** Two phases with a way from the first to the second. */
export type Way = WayOf<(typeof EDGES)[number]>

/** Where an arrow points. */
export type Heading = 'right' | 'left' | 'down' | 'up'

/** How each way is drawn. One that the machine does not have, or that is missing here, does not compile. */
export const ROUTES: Readonly<Record<Way, readonly [path: string, heading: Heading]>> = {
  'starting ready': ['M127 52H156a10 10 0 0 1 10 10V80', 'down'],
  'ready upgrading': ['M222 92H274', 'right'],
  'upgrading ready': ['M275 104H224', 'left'],
  'ready signing-out': ['M146 104H103', 'left'],
  'signing-out ready': ['M101 92H145', 'right'],
  'upgrading pending': ['M336 81V22a10 10 0 0 0-10-10H228', 'left'],
  'pending upgrading': ['M226 24H314a10 10 0 0 1 10 10V80', 'down'],
  'upgrading conflict': ['M330 115V168a10 10 0 0 1-10 10H228', 'left'],
  'pending ready': ['M202 35V80', 'down'],
  'pending signing-out': ['M142 18H34a10 10 0 0 0-10 10V80', 'down'],
  'conflict ready': ['M184 161V116', 'up'],
  'conflict signing-out': ['M142 178H60a10 10 0 0 1-10-10V116', 'up'],
}
