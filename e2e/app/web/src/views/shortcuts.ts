import type { Actions } from '../actions.ts'
import { part } from '../dom.ts'

/** Keys that work while no text field has the focus; Escape leaves the note. */
export function listenToKeys(actions: Actions): void {
  addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.isComposing || event.altKey || event.ctrlKey || event.metaKey) return
    if (document.querySelector('dialog[open], :popover-open')) return
    const act = isTyping(event.target) ? TYPING[event.key] : IDLE[event.key]
    if (!act) return
    event.preventDefault()
    act(actions)
  })
}

const IDLE: Readonly<Record<string, (actions: Actions) => void>> = {
  n: ({ write }) => write(),
  N: ({ write }) => write(),
  '/': () => part('search').focus(),
  Escape: ({ leave }) => leave(),
}

const TYPING: Readonly<Record<string, (actions: Actions) => void>> = {
  Escape: ({ leave }) => leave(),
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest('input, textarea, select, [contenteditable]') !== null
}
