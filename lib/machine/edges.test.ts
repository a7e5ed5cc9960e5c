import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { type AuthState, INITIAL_STATE, type Phase, type Session, type View } from './state.ts'
import type { AuthEvent, EventPayloads, EventType, Found } from './events.ts'
import { transition } from './transition.ts'

// Diagrams are made here out of the table itself: after a change of it, `npx vitest run lib/machine/edges -u`.

const PHASES = Object.keys({
  starting: 0,
  ready: 0,
  upgrading: 0,
  pending: 0,
  conflict: 0,
  'signing-out': 0,
} satisfies Record<Phase, 0>) as Phase[]

const storage = { durability: 'evictable', protection: 'extractable' } as const
const person = (principal: string, authMode: Session['authMode']): Session => ({
  principal,
  principals: [principal],
  authMode,
  claims: {},
})
const sessions = [null, person('p', 'local-first'), person('p', 'external'), person('q', 'external')]
const pending = { expected: null, expiresAt: 1 }
const conflict = { principal: 'p', account: { accountId: 'a', principal: 'q', identifiers: [] }, isTaken: false }
const views = sessions.map((session): { view: View } => ({
  view: { authMode: session?.authMode ?? 'anonymous', session, storage },
}))
const found = views.flatMap(({ view }): Found[] => [
  { view, waiting: {} },
  { view, waiting: { pending } },
  { view, waiting: { conflict } },
])

/** Every event with each kind of thing that it can bring. */
const PAYLOADS: { readonly [Type in EventType]: readonly EventPayloads[Type][] } = {
  opened: found,
  openFailed: [{ problem: 'KEYSTORE_CORRUPT' }],
  identityEnsured: found,
  recordChanged: found,
  sessionConfirmed: views,
  upgradeStarted: [{}],
  upgradeCompleted: views,
  upgradeFailed: [{ failure: 'PROVIDER_REFUSED' }],
  upgradePended: [{ upgrade: { pending } }, { upgrade: {} }],
  conflictFound: [{ upgrade: { conflict } }],
  conflictResolved: views.map((view) => ({ ...view, decision: 'adopt' as const })),
  upgradeCancelled: [{}],
  signOutStarted: [{}],
  signOutVetoed: [{}],
  signedOut: views,
  tokenRejected: [{ reason: 'expired' }, { reason: 'invalid' }],
  tokenAccepted: [{}],
  networkLost: [{}],
  networkFound: [{}],
  storageChanged: [{ storage: { ...storage, durability: 'persistent' } }],
}
const EVENTS = Object.keys(PAYLOADS) as EventType[]

/** A phase with nobody, somebody, an account, and with what can be wrong. */
function statesIn(phase: Phase): AuthState[] {
  const whole = sessions.map((session): AuthState => ({
    ...INITIAL_STATE,
    phase,
    session,
    authMode: session?.authMode ?? 'anonymous',
    storage,
  }))
  const waiting = whole.map((state): AuthState => ({ ...state, upgrade: { pending } }))
  if (phase === 'pending') return waiting
  if (phase === 'conflict') return whole.map((state): AuthState => ({ ...state, upgrade: { conflict } }))
  return [
    ...whole,
    ...waiting.filter(() => phase === 'upgrading' || phase === 'signing-out'),
    ...whole
      .filter(({ session }) => session)
      .map((state): AuthState => ({ ...state, error: 'expired', upgrade: { failure: 'OFFLINE' } })),
  ]
}

type Outcome = Phase | 'stays' | 'ignored'

/** What an event does in a phase, over all samples: it leads somewhere, changes other things, or has no place there. */
function outcomesOf(phase: Phase, type: EventType): Set<Outcome> {
  const outcomes = new Set<Outcome>()
  for (const state of statesIn(phase))
    for (const payload of PAYLOADS[type]) {
      const [next, ...effects] = transition(state, { type, ...payload } as AuthEvent)
      outcomes.add(effects.includes('reportIgnored') ? 'ignored' : next.phase === phase ? 'stays' : next.phase)
    }
  return outcomes
}

interface Edge {
  readonly from: Phase
  readonly to: Phase
  readonly events: readonly EventType[]
}

function edges(): Edge[] {
  const pairs = PHASES.flatMap((from) => PHASES.filter((to) => to !== from).map((to) => ({ from, to })))
  return pairs
    .map(({ from, to }) => ({ from, to, events: EVENTS.filter((type) => outcomesOf(from, type).has(to)) }))
    .filter(({ events }) => events.length)
}

function sourceText(): string {
  const quoted = (names: readonly string[]): string => names.map((name) => `'${name}'`).join(', ')
  return [
    '/** Every way from one phase to another, for diagrams. Made out of the transition table by `npx vitest run lib/machine/edges -u`. */',
    'export const EDGES = [',
    ...edges().map(({ from, to, events }) => {
      const members = [`from: '${from}'`, `to: '${to}'`, `events: [${quoted(events)}]`]
      const line = `  { ${members.join(', ')} },`
      // As the formatter breaks it.
      return line.length <= 120 ? line : ['  {', ...members.map((member) => `    ${member},`), '  },'].join('\n')
    }),
    '] as const',
    '',
  ].join('\n')
}

function mermaid(): string {
  const nameOf = (phase: Phase): string => phase.replace('-', '_')
  const renamed = PHASES.filter((phase) => nameOf(phase) !== phase).map(
    (phase) => `  state "${phase}" as ${nameOf(phase)}`,
  )
  const ways = edges().map(({ from, to, events }) => `  ${nameOf(from)} --> ${nameOf(to)}: ${events.join('<br/>')}`)
  return ['```mermaid', 'stateDiagram-v2', ...renamed, `  [*] --> ${INITIAL_STATE.phase}`, ...ways, '```'].join('\n')
}

/** One row for each event: where it leads, `●` where it is taken without a new phase, empty where it is ignored. */
function eventTable(): string {
  const cell = (outcomes: Set<Outcome>): string => {
    const ways = [...outcomes].filter((outcome) => outcome !== 'ignored')
    return ways.map((way) => (way === 'stays' ? '●' : `→ ${way}`)).join(', ')
  }
  const row = (type: EventType): string =>
    `| \`${type}\` | ${PHASES.map((phase) => cell(outcomesOf(phase, type))).join(' | ')} |`
  return [
    `| event | ${PHASES.join(' | ')} |`,
    `| --- ${PHASES.map(() => '| --- ').join('')}|`,
    ...EVENTS.map(row),
  ].join('\n')
}

test('the edges that diagrams are drawn from are those of the table', async () => {
  await expect(sourceText()).toMatchFileSnapshot('./edges.ts')
})

test('the guide shows the table as it is', async () => {
  const guide = readFileSync(new URL('../../docs/lifecycle.md', import.meta.url), 'utf8')
  const made = Object.entries({ diagram: mermaid(), events: eventTable() }).reduce(
    (text, [name, block]) => replaceBlock(text, name, block),
    guide,
  )
  await expect(made).toMatchFileSnapshot('../../docs/lifecycle.md')
})

/** @throws where the guide has no place for it */
function replaceBlock(text: string, name: string, block: string): string {
  const [start, end] = [`<!-- ${name}: made out of the transition table -->\n`, `\n<!-- end of ${name} -->`]
  const [head, rest] = text.split(start)
  const [, tail] = rest?.split(end) ?? []
  if (head === undefined || tail === undefined) throw new Error(`docs/lifecycle.md has no place for ${name}`)
  return `${head}${start}\n${block}\n${end}${tail}`
}
