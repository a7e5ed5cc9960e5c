import type { App, View } from '../app.ts'
import { first, onClick, part, setHidden, setText } from '../dom.ts'
import type { Network } from '../network.ts'
import { isBlank } from '../notes/note.ts'

const STEPS = ['write', 'offline', 'account', 'device'] as const
type Step = (typeof STEPS)[number]

/** What there is to see once a step is done. */
const SEEN: Readonly<Record<Step, string>> = {
  write:
    'The note already has an owner: this device proves who it is with its own key. The server stores the note, and no row about you.',
  offline: 'It works without a network. Write something, then go online again: it is sent then.',
  account: 'The same identity, now with an account: compare the eight characters below with those before.',
  device: 'Sign in there with your account. If you write a note there first, it asks what to do with both.',
}

const KEY = 'latchkey-notes:guide'

export interface GuideActs {
  write(): void
  signUp(): void
}

/** Four things to try, in the order in which a user meets them. */
export function createGuide({ auth, notebook }: App, network: Network, { write, signUp }: GuideActs): View {
  const guide = part('guide')
  const done = new Set<Step>(read().done)
  let isClosed = read().isClosed
  let latest: Step | undefined

  function finish(step: Step): void {
    if (done.has(step)) return
    done.add(step)
    latest = step
    save()
  }

  function save(): void {
    try {
      localStorage.setItem(KEY, JSON.stringify({ done: [...done], isClosed }))
    } catch {
      // Then the guide starts again at the next visit.
    }
  }

  onClick('guide-write', write)
  onClick('guide-offline', () => {
    network.switchTo(!network.isOff())
    finish('offline')
  })
  onClick('guide-account', signUp)
  onClick('guide-device', () => {
    open(secondDevice(), 'second-device', `popup,width=420,height=720,left=${screenX + outerWidth},top=${screenY}`)
    finish('device')
    render()
  })
  onClick('guide-close', () => {
    isClosed = true
    // The switch goes with the guide, so the page goes online again.
    if (network.isOff()) network.switchTo(false)
    save()
    render()
    part('account-menu').focus()
  })

  function render(): void {
    const { authMode, phase } = auth.getState()
    if (notebook.notes().some((note) => !isBlank(note))) finish('write')
    if (authMode === 'external') finish('account')
    setHidden(guide, isClosed || phase === 'starting')
    for (const step of STEPS) first(guide, `[data-step="${step}"]`).toggleAttribute('data-done', done.has(step))
    setHidden(first(guide, '[data-step="device"]'), secondDevice() === '')
    setText(part('guide-offline'), network.isOff() ? 'Go online' : 'Go offline')
    setText(part('guide-words'), latest ? SEEN[latest] : '')
  }

  return { render }
}

/** The server answers on two names: to the browser, and to the server, the second one is another device. */
function secondDevice(): string {
  return location.hostname === 'localhost' ? `http://127.0.0.1:${location.port}/` : ''
}

function read(): { done: Step[]; isClosed: boolean } {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? '{}') as { done?: Step[]; isClosed?: boolean }
    return { done: found.done ?? [], isClosed: found.isClosed === true }
  } catch {
    return { done: [], isClosed: false }
  }
}
