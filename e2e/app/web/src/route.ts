import { narrow } from './dom.ts'
import { createEmitter } from './emitter.ts'

/** The open note, taken from the URL: it survives a reload, and on a phone "back" leads to the list. */
export interface Route {
  noteId(): string | null
  open(id: string): void
  /** Resolves once the list is shown: the browser takes a moment to go back. */
  close(): Promise<void>
  subscribe(listener: () => void): () => void
}

/** A link of another device, or of a letter. */
export interface TakenLink {
  readonly kind: 'latchkey-pair' | 'sign-in' | 'reset'
  /** The whole link. */
  readonly text: string
  /** What follows in it, by name. */
  readonly values: URLSearchParams
}

/**
 * Reads a link with a secret, and takes it out of the address, where it would stay in the history.
 *
 * @param href - the address that was opened: a note may have taken its place since
 * @returns null if it is no such link
 */
export function takeLink(href: string): TakenLink | null {
  const { hash } = new URL(href)
  const kind = (['latchkey-pair', 'sign-in', 'reset'] as const).find((each) => hash.startsWith(`#${each}=`))
  if (!kind) return null
  if (location.href === href) history.replaceState(null, '', location.pathname)
  return { kind, text: href, values: new URLSearchParams(hash.slice(1)) }
}

export function createRoute(): Route {
  const { emit, subscribe } = createEmitter()
  addEventListener('popstate', emit)
  const noteId = (): string | null => location.hash.slice(1) || null

  return {
    noteId,
    subscribe,
    open(id) {
      if (narrow.matches && noteId() === null) history.pushState({ cameFromList: true }, '', `#${id}`)
      else history.replaceState(history.state, '', `#${id}`)
      emit()
    },
    async close() {
      if ((history.state as { cameFromList?: boolean } | null)?.cameFromList) return stepBack()
      history.replaceState(null, '', location.pathname)
      emit()
    },
  }
}

function stepBack(): Promise<void> {
  return new Promise((resolve) => {
    addEventListener('popstate', () => resolve(), { once: true })
    history.back()
  })
}
