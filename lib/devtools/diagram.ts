import { EDGES } from '../machine/edges.ts'
import type { Phase } from '../machine/state.ts'
import { drawn, setAttribute } from './dom.ts'
import type { Observed } from './observe.ts'
import { ROUTES, type Heading, type Way } from './routes.ts'
import type { Section } from './section.ts'

/** Center and width of each phase. */
const PLACES: Readonly<Record<Phase, readonly [x: number, y: number, width: number]>> = {
  starting: [88, 52, 76],
  ready: [184, 98, 72],
  upgrading: [322, 98, 90],
  pending: [184, 18, 80],
  conflict: [184, 178, 80],
  'signing-out': [50, 98, 98],
}
const HEIGHT = 30

const HEADS: Readonly<Record<Heading, string>> = {
  right: 'm-4-4 4 4-4 4',
  left: 'm4-4-4 4 4 4',
  down: 'm-4-4 4 4 4-4',
  up: 'm-4 4 4-4 4 4',
}

/** Draws the state machine. The current phase is highlighted, and so is the edge that led to it. */
export function createDiagram(): Section {
  const nodes = new Map(Object.keys(PLACES).map((phase) => [phase as Phase, drawPhase(phase as Phase)]))
  const edges = EDGES.map((edge) => ({ ...edge, line: drawEdge(`${edge.from} ${edge.to}` as Way, edge.events) }))
  const element = drawn(
    'svg',
    { class: 'diagram', viewBox: '0 0 368 196', role: 'img' },
    ...edges.map(({ line }) => line),
    ...nodes.values(),
  )

  return {
    element,
    render(observed) {
      const { phase } = observed.instance.getState()
      const [from, to] = lastWay(observed)
      for (const [name, node] of nodes) setAttribute(node, 'data-is', name === phase ? 'present' : null)
      for (const edge of edges)
        setAttribute(
          edge.line,
          'data-is',
          edge.from === from && edge.to === to ? 'taken' : edge.from === phase ? 'possible' : null,
        )
      setAttribute(element, 'aria-label', describe(phase))
    },
  }
}

/** Returns the last event that led to another phase. */
function lastWay({ events }: Observed): readonly [from: Phase | undefined, to: Phase | undefined] {
  const last = events.find(({ before, state }) => (before?.phase ?? 'starting') !== state.phase)
  return [last && (last.before?.phase ?? 'starting'), last?.state.phase]
}

function describe(phase: Phase): string {
  const ways = EDGES.filter(({ from }) => from === phase).map(({ to, events }) => `to ${to} by ${events.join(' or ')}`)
  return `State machine. Current phase: ${phase}. From here ${ways.join(', ')}.`
}

function drawPhase(phase: Phase): SVGGElement {
  const [x, y, width] = PLACES[phase]
  const box = {
    x: `${x - width / 2}`,
    y: `${y - HEIGHT / 2}`,
    width: `${width}`,
    height: `${HEIGHT}`,
    rx: `${HEIGHT / 2}`,
  }
  return drawn(
    'g',
    { class: 'phase', 'data-phase': phase },
    drawn('rect', box),
    drawn('text', { x: `${x}`, y: `${y + 4}` }, phase),
  )
}

function drawEdge(way: Way, events: readonly string[]): SVGGElement {
  const [path, heading] = ROUTES[way]
  const title = drawn('title', {}, `${way.replace(' ', ' → ')}: ${events.join(', ')}`)
  // The second path is wide and transparent: a thin line is hard to point at.
  return drawn(
    'g',
    { class: 'edge', 'data-way': way },
    title,
    drawn('path', { d: path + HEADS[heading] }),
    drawn('path', { class: 'reach', d: path }),
  )
}
