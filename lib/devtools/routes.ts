import type { EDGES } from '../machine/edges.ts'
import type { Phase } from '../machine/state.ts'

type WayOf<Edge> = Edge extends { readonly from: infer From extends string; readonly to: infer To extends string }
  ? `${From} ${To}`
  : never

/** Two phases with an edge from the first to the second. */
export type Way = WayOf<(typeof EDGES)[number]>

/** The direction of an arrow. */
export type Heading = 'right' | 'left' | 'down' | 'up'

type Route = readonly [path: string, heading: Heading]

/** The path of each edge. A missing one does not compile, and neither does one that the machine does not have. */
export const ROUTES: Readonly<Record<Way, Route> & Partial<Record<`${Phase} ${Phase}`, Route>>> = {
  'starting ready': ['M127 58H156a10 10 0 0 1 10 10V80', 'down'],
  'starting pending': ['M127 46H158a8 8 0 0 0 8-8V36', 'up'],
  'starting conflict': ['M48 52H18a8 8 0 0 0-8 8V180a8 8 0 0 0 8 8H140', 'right'],
  'ready upgrading': ['M222 92H274', 'right'],
  'ready signing-out': ['M146 104H103', 'left'],
  'ready pending': ['M190 80V37', 'up'],
  'ready conflict': ['M196 116V159', 'down'],
  'upgrading ready': ['M275 104H224', 'left'],
  'upgrading pending': ['M336 81V22a10 10 0 0 0-10-10H228', 'left'],
  'upgrading conflict': ['M330 115V168a10 10 0 0 1-10 10H228', 'left'],
  'pending ready': ['M202 35V80', 'down'],
  'pending upgrading': ['M226 24H314a10 10 0 0 1 10 10V80', 'down'],
  'pending signing-out': ['M142 12H32a10 10 0 0 0-10 10V80', 'down'],
  'pending conflict': ['M226 30H236a8 8 0 0 1 8 8V158a8 8 0 0 1-8 8H228', 'left'],
  'conflict pending': ['M226 188H250a8 8 0 0 0 8-8V14a8 8 0 0 0-8-8H228', 'left'],
  'conflict ready': ['M184 161V116', 'up'],
  'conflict signing-out': ['M142 170H60a10 10 0 0 1-10-10V116', 'up'],
  'signing-out ready': ['M101 92H145', 'right'],
  'signing-out pending': ['M34 81V34a10 10 0 0 1 10-10H140', 'right'],
  'signing-out conflict': ['M34 115V169a10 10 0 0 0 10 10H140', 'right'],
}
