import { createChooser } from './chooser.ts'
import { createDiagram } from './diagram.ts'
import { element, setAttribute } from './dom.ts'
import type { LatchkeyDevtoolsElement } from './element.ts'
import { createEvents } from './events.ts'
import { createFacts } from './facts.ts'
import { createHeader } from './header.ts'
import type { Observer } from './observe.ts'
import { createStatus } from './status.ts'
import { createSheet } from './style/sheet.ts'
import { createSwitches } from './switches.ts'

/** Update interval of time-dependent values while the panel is visible, in milliseconds. */
const TICK = 1000

/**
 * Fills the element.
 *
 * @returns a function that restores everything that the switches changed, and removes all listeners
 */
export function mountPanel(host: LatchkeyDevtoolsElement, observer: Observer): () => void {
  const panel = createPanel(host, observer)
  const leaving = new AbortController()
  const { signal } = leaving
  let ticking: ReturnType<typeof setInterval> | undefined
  const arrange = (): void => {
    clearInterval(ticking)
    ticking = host.open && document.visibilityState === 'visible' ? setInterval(panel.render, TICK) : undefined
    panel.render()
  }
  host.addEventListener('toggle', arrange, { signal })
  document.addEventListener('visibilitychange', arrange, { signal })
  listenToKeys(host, signal)
  const unsubscribe = observer.subscribe(afterwards(panel.render, signal))
  arrange()
  return () => {
    leaving.abort()
    unsubscribe()
    clearInterval(ticking)
    panel.reset()
  }
}

function createPanel(host: LatchkeyDevtoolsElement, observer: Observer): { render(): void; reset(): void } {
  const header = createHeader(() => (host.open = !host.open))
  const chooser = createChooser(observer, render)
  const switches = createSwitches(render)
  const sections = [createDiagram(), createFacts(), switches, createEvents(), createStatus()]
  const parts = element('div', { class: 'parts' }, chooser.element, ...sections.map((section) => section.element))
  const body = element('div', { id: 'body', class: 'body' }, nothingYet(), parts, promise())
  const root = host.shadowRoot!
  root.adoptedStyleSheets = [createSheet()]
  root.replaceChildren(
    element('aside', { class: 'panel', 'aria-label': 'Latchkey developer panel' }, header.element, body),
  )

  function render(): void {
    const observed = chooser.chosen()
    header.render(host.open, observed, switches.summary(observed))
    setAttribute(body, 'data-empty', observed ? null : 'true')
    body.hidden = !host.open
    if (!host.open || !observed) return
    chooser.render()
    for (const section of sections) section.render(observed)
  }
  return { render, reset: switches.reset }
}

/**
 * Runs the work once after the current operation, however often it is requested: its failure cannot disturb the
 * operation.
 */
function afterwards(work: () => void, signal: AbortSignal): () => void {
  let isScheduled = false
  return () => {
    if (isScheduled) return
    isScheduled = true
    queueMicrotask(() => {
      isScheduled = false
      if (!signal.aborted) work()
    })
  }
}

/** Escape closes the panel. Keys that are pressed in it do not trigger the app's shortcuts. */
function listenToKeys(host: LatchkeyDevtoolsElement, signal: AbortSignal): void {
  const listen = (event: Event): void => {
    event.stopPropagation()
    if (event.type !== 'keydown' || (event as KeyboardEvent).key !== 'Escape' || !host.open) return
    host.shadowRoot?.querySelector('button')?.focus()
    host.open = false
  }
  for (const type of ['keydown', 'keypress', 'keyup']) host.shadowRoot?.addEventListener(type, listen, { signal })
}

function nothingYet(): HTMLElement {
  const rule = element(
    'p',
    {},
    'Only instances created after ',
    element('code', {}, 'defineDevtools()'),
    ' are shown: call it before ',
    element('code', {}, 'createAuth()'),
    '.',
  )
  return element('div', { class: 'nothing' }, element('h2', {}, 'Nothing to see yet'), rule)
}

function promise(): HTMLElement {
  return element(
    'p',
    { class: 'promise' },
    'Shows only events after ',
    element('code', {}, 'defineDevtools()'),
    '; no secret, no token.',
  )
}
