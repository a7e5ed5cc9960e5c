import { stayAbove } from './above.ts'
import { createActions } from './actions.ts'
import { createAdvice } from './advice.ts'
import { createInstanceSelect } from './instance-select.ts'
import { createDiagram } from './diagram.ts'
import { createDock } from './dock.ts'
import { copyButton, element, setAttribute } from './dom.ts'
import type { LatchkeyDevtoolsElement } from './element.ts'
import { createDetails } from './details.ts'
import { createHeader } from './header.ts'
import { createLog } from './log.ts'
import { watchNetwork } from './network.ts'
import type { Observer } from './observe.ts'
import { type Preferences, readPreferences, savePreferences } from './preferences.ts'
import type { Section, Switch } from './section.ts'
import { createStatus } from './status.ts'
import { createStorageView } from './storage-view.ts'
import { createSheet } from './style/sheet.ts'
import { createSwitches } from './switches.ts'
import { createTabs } from './tab-list.ts'
import { createTabList } from './tabs.ts'
import { createTimeline } from './timeline.ts'
import { createTokenView } from './token-view.ts'
import { type Tools, controlLoader } from './tools.ts'

/** Update interval of time-dependent values while the panel is visible, in milliseconds. */
const TICK_MS = 1000

/**
 * Fills the element.
 *
 * @returns a function that restores everything that the switches changed, and removes all listeners
 */
export function mountPanel(host: LatchkeyDevtoolsElement, observer: Observer): () => void {
  const leaving = new AbortController()
  const { signal } = leaving
  const panel = createPanel(host, observer, signal)
  let ticking: ReturnType<typeof setInterval> | undefined
  const arrange = (): void => {
    clearInterval(ticking)
    ticking = host.open && document.visibilityState === 'visible' ? setInterval(panel.render, TICK_MS) : undefined
    panel.render()
  }
  host.addEventListener('toggle', arrange, { signal })
  document.addEventListener('visibilitychange', arrange, { signal })
  const unsubscribe = observer.subscribe(panel.renderSoon)
  arrange()
  return () => {
    leaving.abort()
    unsubscribe()
    clearInterval(ticking)
    panel.leave()
  }
}

interface Panel {
  render(): void
  /** Renders after the current operation. */
  renderSoon(): void
  leave(): void
}

function createPanel(host: LatchkeyDevtoolsElement, observer: Observer, signal: AbortSignal): Panel {
  let preferences = readPreferences()
  const remember = (changed: Partial<Preferences>): void => {
    preferences = { ...preferences, ...changed }
    savePreferences(preferences)
  }
  const header = createHeader(() => (host.open = !host.open))
  const instanceSelect = createInstanceSelect(observer, render)
  const status = createStatus()
  const renderSoon = afterwards(render, signal)
  const tools = createTools(observer, status.say, render, renderSoon)
  const switches = createSwitches(tools)
  const neighbours = createTabs(tools)
  const views = createViews(tools, switches, neighbours, () => instanceSelect.selected()?.instance.getState())
  const tabs = createTabList(views, preferences.view, (view) => {
    remember({ view })
    render()
  })
  const aside = element('aside', { class: 'panel', 'aria-label': 'Latchkey developer panel' })
  const dock = createDock(aside, preferences, remember)
  const bar = element('div', { class: 'bar views' }, tabs.element, dock.select)
  const parts = element('div', { class: 'parts' }, instanceSelect.element, ...tabs.panels, status.element)
  const body = element('div', { id: 'body', class: 'body' }, nothingYet(), parts, promise())
  aside.append(header.element, bar, body, dock.handle)
  listenToKeys(aside, host, header.element, signal)
  const root = host.shadowRoot!
  root.adoptedStyleSheets = [createSheet()]
  root.replaceChildren(aside)
  stayAbove(root, aside, signal)

  function render(): void {
    const observed = instanceSelect.selected()
    if (observed) tools.log.watchClock(observed)
    header.render(host.open, observed, switches.summary(observed))
    setAttribute(body, 'data-empty', observed ? null : 'true')
    for (const part of [bar, body, dock.handle]) part.hidden = !host.open
    bar.hidden ||= !observed
    if (!host.open || !observed) return
    instanceSelect.render()
    status.render(observed)
    neighbours.render(observed)
    for (const section of views[tabs.selected()]!.sections) section.render(observed)
  }
  return {
    render,
    renderSoon,
    leave() {
      switches.reset()
      tools.network.leave()
      neighbours.leave()
    },
  }
}

function createTools(observer: Observer, say: Tools['say'], render: () => void, renderSoon: () => void): Tools {
  const log = createLog()
  const controlsOf = controlLoader(renderSoon)
  const network = watchNetwork({
    before() {
      // Between a refusal and its retry, the clock may have been corrected.
      for (const observed of observer.instances) log.watchClock(observed)
      return new Set([
        'authorization',
        ...observer.instances.map((one) => controlsOf(one)?.tokenHeader ?? 'authorization'),
      ])
    },
    changed(request, isNew) {
      if (isNew) log.addRequest(request)
      renderSoon()
    },
  })
  return { log, network, controlsOf, say, render }
}

interface PanelView {
  readonly name: string
  readonly element: HTMLElement
  readonly sections: readonly Section[]
}

function createViews(tools: Tools, switches: Switch, tabs: Section, stateNow: () => unknown): readonly PanelView[] {
  const copy = element('div', { class: 'bar' }, copyButton('Copy state', stateNow, tools.say))
  const view = (name: string, sections: readonly Section[], ...further: HTMLElement[]): PanelView => ({
    name,
    element: element('div', { class: `view ${name.toLowerCase()}` }, ...sections.map((one) => one.element), ...further),
    sections,
  })
  return [
    view('State', [createDiagram(), createDetails(), switches, createAdvice(tools)], copy),
    view('Timeline', [createTimeline(tools)]),
    view('Tokens', [createTokenView(tools)]),
    view('Storage', [createStorageView(tools, tabs)]),
    view('Acts', [createActions(tools)]),
  ]
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

/** Escape closes the panel. Keys that are pressed in it do not trigger the app's shortcuts, and close no dialog. */
function listenToKeys(
  panel: HTMLElement,
  host: LatchkeyDevtoolsElement,
  header: HTMLElement,
  signal: AbortSignal,
): void {
  const listen = (event: Event): void => {
    event.stopPropagation()
    if (event.type !== 'keydown' || (event as KeyboardEvent).key !== 'Escape' || !host.open) return
    event.preventDefault()
    header.focus()
    host.open = false
  }
  for (const type of ['keydown', 'keypress', 'keyup']) panel.addEventListener(type, listen, { signal })
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
    ' and requests after the panel; no secret, no signature.',
  )
}
