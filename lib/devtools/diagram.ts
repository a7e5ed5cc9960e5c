import { EDGES } from '../machine/edges.ts'
import type { Phase } from '../machine/state.ts'
import { drawn, element, setAttribute } from './dom.ts'
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
const PHASE_HEIGHT = 30

const HEADS: Readonly<Record<Heading, string>> = {
  right: 'm-4-4 4 4-4 4',
  left: 'm4-4-4 4 4 4',
  down: 'm-4-4 4 4 4-4',
  up: 'm-4 4 4-4 4 4',
}

/**
 * Draws the state machine. The current phase is highlighted, and so is the edge that led to it; edges that are possible
 * next are numbered, and named below.
 */
export function createDiagram(): Section {
  const nodes = new Map(Object.keys(PLACES).map((phase) => [phase as Phase, drawPhase(phase as Phase)]))
  const edges = EDGES.map((edge) => ({ ...edge, ...drawEdge(`${edge.from} ${edge.to}` as Way, edge.events) }))
  const picture = drawn(
    'svg',
    { class: 'diagram', viewBox: '0 0 368 196', role: 'img' },
    ...edges.map(({ line }) => line),
    ...nodes.values(),
    ...edges.map(({ badge }) => badge),
  )
  const legend = element('ol', { class: 'legend', 'aria-label': 'Possible next' })
  let shown = ''

  return {
    element: element('div', { class: 'machine' }, picture, legend),
    render(observed) {
      const { phase } = observed.instance.getState()
      const [from, to, event] = lastWay(observed)
      const next = edges.filter((edge) => edge.from === phase)
      for (const [name, node] of nodes) setAttribute(node, 'data-is', name === phase ? 'present' : null)
      for (const { line, badge, ...edge } of edges) {
        const isTaken = edge.from === from && edge.to === to
        setAttribute(line, 'data-is', isTaken ? 'taken' : edge.from === phase ? 'possible' : null)
        const number = next.findIndex((other) => other.badge === badge) + 1
        badge.lastElementChild!.textContent = String(number)
        setAttribute(badge, 'data-is', number ? 'possible' : null)
      }
      setAttribute(picture, 'aria-label', describe(phase))
      const text = `${from} ${to} ${event}`
      if (text === shown) return
      shown = text
      legend.replaceChildren(
        ...next.map((edge) => element('li', {}, element('code', {}, edge.events.join(', ')), ` → ${edge.to}`)),
        ...(event ? [element('li', { class: 'last' }, 'Last: ', element('code', {}, event), ` ${from} → ${to}`)] : []),
      )
    },
  }
}

/** Returns the last event that led to another phase. */
function lastWay({ events }: Observed): readonly [from?: Phase, to?: Phase, event?: string] {
  const last = events.find(({ before, state }) => (before?.phase ?? 'starting') !== state.phase)
  return last ? [last.before?.phase ?? 'starting', last.state.phase, last.event] : []
}

function describe(phase: Phase): string {
  const ways = EDGES.filter(({ from }) => from === phase).map(({ to, events }) => `to ${to} by ${events.join(' or ')}`)
  return `State machine. Current phase: ${phase}. From here ${ways.join(', ')}.`
}

function drawPhase(phase: Phase): SVGGElement {
  const [x, y, width] = PLACES[phase]
  const box = {
    x: `${x - width / 2}`,
    y: `${y - PHASE_HEIGHT / 2}`,
    width: `${width}`,
    height: `${PHASE_HEIGHT}`,
    rx: `${PHASE_HEIGHT / 2}`,
  }
  return drawn(
    'g',
    { class: 'phase', 'data-phase': phase },
    drawn('rect', box),
    drawn('text', { x: `${x}`, y: `${y + 4}` }, phase),
  )
}

function drawEdge(way: Way, events: readonly string[]): { readonly line: SVGGElement; readonly badge: SVGGElement } {
  const [path, heading] = ROUTES[way]
  const title = drawn('title', {}, `${way.replace(' ', ' → ')}: ${events.join(', ')}`)
  // The second path is wide and transparent: a thin line is hard to point at.
  const line = drawn(
    'g',
    { class: 'edge', 'data-way': way },
    title,
    drawn('path', { d: path + HEADS[heading] }),
    drawn('path', { class: 'reach', d: path }),
  )
  const [x, y] = middleOfStart(path)
  const badge = drawn(
    'g',
    { class: 'badge' },
    drawn('circle', { cx: `${x}`, cy: `${y}`, r: '6.5' }),
    drawn('text', { x: `${x}`, y: `${y + 3.2}` }),
  )
  return { line, badge }
}

/** The middle of a route's first line, which is horizontal or vertical. */
function middleOfStart(path: string): readonly [x: number, y: number] {
  const [, x = '', y = '', direction, end] = /^M([\d.]+) ([\d.]+)([HV])([\d.]+)/.exec(path) ?? []
  const middle = (start: string): number => (Number(start) + Number(end)) / 2
  return direction === 'H' ? [middle(x), Number(y)] : [Number(x), middle(y)]
}
