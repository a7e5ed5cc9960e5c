import { changesBetween } from './changes.ts'
import { copyButton, docsLink, element, errorPage, jsonBlock } from './dom.ts'
import { shownJson } from './hidden.ts'
import type { Entry } from './log.ts'
import type { SeenRequest } from './network.ts'
import type { SeenEvent } from './observe.ts'
import { durationLabel } from './labels.ts'

/** What a row says: the name, and its effect. */
export function summaryOf(entry: Entry): readonly [name: string, effect: string] {
  if (entry.kind === 'note') return [entry.name, entry.detail]
  if (entry.kind !== 'request') return [entry.event, effectOf(entry)]
  const credential = [entry.bearer.kind, entry.hasProof && 'proof'].filter(Boolean).join(' + ')
  const result = [entry.result ?? '…', entry.reason].filter(Boolean).join(' ')
  return [`${entry.method} ${entry.address}`, `${credential} → ${result}`]
}

/** When it happened by this device's clock, which the panel's wrong clocks do not change. */
export function timeOf({ tick }: Entry): Date {
  return new Date(performance.timeOrigin + tick)
}

/** What is copied of an entry. */
export function jsonOf(entry: Entry): unknown {
  const time = timeOf(entry).toISOString()
  if (entry.kind === 'note') return { time, name: entry.name, detail: entry.detail }
  const { tick: _, ...rest } = entry
  return { time, ...rest }
}

/**
 * Everything about an entry.
 *
 * @param events - of the same instance, newest first
 */
export function openedEntry(entry: Entry, events: readonly SeenEvent[], say: (message: string) => void): Node[] {
  const parts = entry.kind === 'request' ? openedRequest(entry) : entry.kind ? [] : openedEvent(entry, events)
  return [...parts, copyButton('Copy', () => jsonOf(entry), say)]
}

function openedRequest({ bearer, hasProof, result, reason, duration }: SeenRequest): Node[] {
  const { kind, audience, expiresAt } = bearer
  const lines = detailList({
    Status: [result ?? 'running', reason].filter(Boolean).join(', '),
    Duration: duration === undefined ? 'running' : durationLabel(duration),
    Bearer: kind === 'none' ? 'none' : `${kind} token`,
    Audience: audience,
    Expires: expiresAt && new Date(expiresAt * 1000).toLocaleString(),
    Proof: hasProof ? 'of the device key; works once' : 'none',
  })
  return reason
    ? [lines, docsLink('troubleshooting.md#every-request-is-refused-with-401', 'Why a token is refused')]
    : [lines]
}

function openedEvent(entry: SeenEvent, events: readonly SeenEvent[]): Node[] {
  const { before, state, payload, effects = [], ignored } = entry
  const code = state.upgrade?.failure ?? state.storage.problem
  const changes = changesBetween(before ?? {}, state)
  return [
    detailList({
      Phase: `${before?.phase ?? 'starting'} → ${state.phase}`,
      ...durationsOf(entry, events),
      "App's time": Math.abs(entry.at - timeOf(entry).getTime()) > 1000 && new Date(entry.at).toLocaleString(),
      Effects: effects.join(', ') || 'none',
      Ignored: ignored && 'this event is not allowed in that phase; nothing changed',
    }),
    ...(changes.length ? [element('h3', {}, 'Changes'), changeTable(changes)] : []),
    ...(payload && Object.keys(payload).length ? [element('h3', {}, 'Payload'), jsonBlock('Payload', payload)] : []),
    ...(code ? [docsLink(errorPage(code), `What to do about ${code}`)] : []),
  ]
}

/** How long after the event before it, and how long the phase lasted that it ended. By the monotonic clock. */
function durationsOf(entry: SeenEvent, events: readonly SeenEvent[]): Readonly<Record<string, string | undefined>> {
  const earlier = events.slice(events.indexOf(entry) + 1)
  const [previous] = earlier
  if (!previous) return {}
  const isEnd = previous.state.phase !== entry.state.phase
  const began = earlier.find((event) => event.before?.phase !== previous.state.phase)
  return {
    After: `${durationLabel(entry.tick - previous.tick)} since ${previous.event}`,
    [`In ${previous.state.phase}`]: isEnd && began ? durationLabel(entry.tick - began.tick) : undefined,
  }
}

/** Lists names and values; those without a value are left out. */
export function detailList(details: Readonly<Record<string, unknown>>): HTMLElement {
  const lines = Object.entries(details).filter(([, value]) => value !== undefined && value !== false)
  return element(
    'dl',
    { class: 'facts' },
    ...lines.map(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', {}, String(value)))),
  )
}

function changeTable(changes: ReturnType<typeof changesBetween>): HTMLElement {
  const cell = (value: unknown): HTMLElement => element('td', {}, value === undefined ? '–' : shownJson(value))
  const heads = ['Field', 'Before', 'After'].map((name) => element('th', { scope: 'col' }, name))
  const rows = changes.map(({ path, before, after }) =>
    element('tr', {}, element('th', { scope: 'row' }, path), cell(before), cell(after)),
  )
  return element('table', {}, element('thead', {}, element('tr', {}, ...heads)), element('tbody', {}, ...rows))
}

/** Describes the change that an event made. */
function effectOf({ before, state, ignored }: SeenEvent): string {
  if (ignored) return 'ignored'
  if (state.phase !== (before?.phase ?? 'starting')) return `→ ${state.phase}`
  if (state.error !== before?.error) return state.error ?? 'error cleared'
  if (state.session?.principal !== before?.session?.principal) return 'another identity'
  return state === before ? '' : 'changed'
}
