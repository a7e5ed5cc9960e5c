import { announce, first, onClick, part, setHidden, setText } from './dom.ts'

/** How long a message stays, in milliseconds; it also stays while the pointer or the focus is on it. */
const SHOWN_MS = 10_000

export interface MessageOptions {
  /** A second line, such as an identity before and after. */
  readonly detail?: string
  /** One action, such as Undo. */
  readonly action?: { readonly label: string; act(): unknown }
}

let action: MessageOptions['action']
let timer: ReturnType<typeof setTimeout> | undefined

/** Shows a message for a while, and announces it to screen readers. */
export function tell(words: string, options: MessageOptions = {}): void {
  const toast = part('toast')
  const { detail = '' } = options
  action = options.action
  setText(first(toast, 'p'), words)
  setText(first(toast, 'code'), detail)
  setText(part('toast-action'), action?.label ?? '')
  setHidden(part('toast-action'), !action)
  setHidden(toast, false)
  announce([words, detail, action && `${action.label} is at the end of the page.`].filter(Boolean).join(' '))
  hideLater()
}

/** Connects the message's buttons, once. */
export function connectMessages(): void {
  onClick('toast-action', () => {
    const { act } = action ?? {}
    hide()
    void act?.()
  })
  onClick('toast-close', () => {
    hide()
    part('account-menu').focus()
  })
}

function hide(): void {
  clearTimeout(timer)
  setHidden(part('toast'), true)
}

function hideLater(): void {
  clearTimeout(timer)
  timer = setTimeout(() => (part('toast').matches(':hover, :focus-within') ? hideLater() : hide()), SHOWN_MS)
}
