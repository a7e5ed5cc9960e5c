import type { DevtoolsControls } from '../client/shared/devtools.ts'
import { button, docsLink, element, setText } from './dom.ts'
import type { Observed } from './observe.ts'
import type { Section } from './section.ts'
import type { Tools } from './tools.ts'

/** Something that can be done to an instance. */
interface Action {
  readonly name: string
  readonly hint: string
  /** Returns what became of it, if that cannot be seen elsewhere. */
  run(controls: DevtoolsControls, observed: Observed): Promise<string | void> | string | void
  /** True if it has to be confirmed by a second press: something could be lost. */
  readonly isRisky?: boolean
  /** False while it makes no sense. */
  isPossible?(observed: Observed, controls: DevtoolsControls): boolean
}

const phaseOf = ({ instance }: Observed): string => instance.getState().phase
const modeOf = ({ instance }: Observed): string => instance.getState().authMode
const isAtRest = (observed: Observed): boolean => ['ready', 'pending', 'conflict'].includes(phaseOf(observed))
const hasSession = (observed: Observed): boolean => modeOf(observed) !== 'anonymous'

const GROUPS: Readonly<Record<string, readonly Action[]>> = {
  Token: [
    {
      name: 'Expire',
      hint: 'The next request carries an expired token, and the server refuses it. A token of an account is dropped.',
      run: (controls) => controls.expireTokens(),
      isPossible: hasSession,
    },
    {
      name: 'Refresh',
      hint: 'Gets a new token now.',
      run: (controls) => controls.refreshToken(),
      isPossible: hasSession,
    },
  ],
  'A server refuses the token as': [
    ...(['expired', 'missing', 'invalid', 'disabled'] as const).map((reason): Action => ({
      name: reason,
      hint: '',
      run: (controls) => controls.reportToken(reason),
      isPossible: hasSession,
    })),
    { name: 'accepted again', hint: '', run: (controls) => controls.reportToken(null), isPossible: hasSession },
  ],
  Storage: [
    {
      name: 'Delete the record',
      hint: 'As a browser does that clears site data. This page keeps a copy until it is closed or reloaded.',
      run: (controls) => controls.removeRecord(),
      isRisky: true,
    },
    {
      name: 'Put it back',
      hint: '',
      run: async (controls) =>
        (await controls.restoreRecord()) ? undefined : 'this page has no copy, or there is a record by now',
    },
  ],
  Devices: [
    {
      name: 'Second device',
      hint: 'Signs out, makes a new identity, as on another device. For a conflict, sign in to an account with data.',
      run: (controls) => controls.switchDevice(),
      isRisky: true,
      isPossible: isAtRest,
    },
    {
      name: 'Previous device',
      hint: 'Signs out and takes the identity again that was set aside last.',
      run: (controls) => {
        const principal = lastSetAside(controls)
        return principal === undefined ? 'none was set aside' : controls.switchDevice(principal)
      },
      isRisky: true,
      isPossible: (observed, controls) => isAtRest(observed) && lastSetAside(controls) !== undefined,
    },
  ],
  Conflict: [
    {
      name: 'Show a conflict',
      hint: 'With an account that no server has: your dialog appears, survives a reload, and can be cancelled.',
      run: async (controls) => ((await controls.showConflict()) ? undefined : 'an upgrade is waiting already'),
      isPossible: (observed) => phaseOf(observed) === 'ready' && modeOf(observed) === 'local-first',
    },
    {
      name: 'End it',
      hint: '',
      run: (controls) => controls.endConflict(),
      isPossible: (observed) => phaseOf(observed) === 'conflict',
    },
  ],
}

function lastSetAside(controls: DevtoolsControls): string | undefined {
  const { current, entries } = (controls.record() ?? {}) as {
    readonly current?: string
    readonly entries?: readonly { readonly kind: string; readonly principal: string }[]
  }
  return entries?.filter(({ kind, principal }) => kind === 'device' && `device:${principal}` !== current).at(-1)
    ?.principal
}

/** Shows what can be done to the instance. */
export function createActions(tools: Tools): Section {
  const result = element('p', { class: 'hint result' })
  const tell = (message: string): void => {
    setText(result, message)
    tools.say(message)
  }
  let shown: Observed | undefined
  const rows = Object.values(GROUPS).map((actions) =>
    actions.map((action) => createAction(action, () => shown, tools, tell)),
  )
  const groups = Object.keys(GROUPS).map((title, index) =>
    element(
      'section',
      { class: 'acts' },
      element('h2', {}, title),
      element('div', { class: 'bar' }, ...rows[index]!.map(({ element: made }) => made)),
      ...GROUPS[title]!.filter(({ hint }) => hint).map(({ name, hint }) =>
        element('p', { class: 'hint' }, element('b', {}, name), ` ${hint}`),
      ),
    ),
  )
  return {
    element: element('div', {}, ...groups, docsLink('devtools.md#acts', 'What each does'), result),
    render(observed) {
      shown = observed
      const controls = tools.controlsOf(observed)
      for (const row of rows.flat()) row.render(observed, controls)
    },
  }
}

function createAction(
  action: Action,
  selected: () => Observed | undefined,
  { controlsOf, log, render }: Tools,
  tell: (message: string) => void,
): { readonly element: HTMLElement; render(observed: Observed, controls: DevtoolsControls | undefined): void } {
  let isAsked = false
  const made = button(action.name, () => void press())
  const ask = (isAsking: boolean): void => {
    isAsked = isAsking
    setText(made, isAsking ? `${action.name}: really?` : action.name)
  }
  made.addEventListener('blur', () => ask(false))

  async function press(): Promise<void> {
    const observed = selected()
    const controls = observed && controlsOf(observed)
    if (!observed || !controls) return tell('The client has not loaded yet.')
    if (action.isPossible?.(observed, controls) === false) return tell(`${action.name}: not possible now`)
    if (action.isRisky && !isAsked) return ask(true)
    ask(false)
    log.note(observed, action.name)
    try {
      tell(`${action.name}: ${(await action.run(controls, observed)) ?? 'done'}`)
    } catch (error) {
      tell(`${action.name}: ${codeOf(error)}`)
    }
    render()
  }

  return {
    element: made,
    render(observed, controls) {
      // A disabled button would lose the focus of who has just pressed it.
      made.setAttribute('aria-disabled', String(!controls || action.isPossible?.(observed, controls) === false))
    },
  }
}

/** A message can hold what an app put into it: only codes and names are shown. */
function codeOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { readonly code?: unknown; readonly name?: unknown }
  return String(code ?? name ?? 'failed')
}
