import type { Observer } from './observe.ts'

/** `<latchkey-devtools>`: a small button in the corner; the whole panel while `open`. */
export interface LatchkeyDevtoolsElement extends HTMLElement {
  /** Reflects the attribute. Each change dispatches `toggle`. */
  open: boolean
}

/**
 * Creates the element's class. The content loads when the element is added to a page, and then dispatches `load`, or
 * `error`.
 */
export function elementClass(observer: Observer): CustomElementConstructor {
  return class extends HTMLElement implements LatchkeyDevtoolsElement {
    static readonly observedAttributes: readonly string[] = ['open']
    #unmount: (() => void) | undefined

    constructor() {
      super()
      this.attachShadow({ mode: 'open', delegatesFocus: true })
    }

    get open(): boolean {
      return this.hasAttribute('open')
    }

    set open(open: boolean) {
      this.toggleAttribute('open', open)
    }

    connectedCallback(): void {
      import('./panel.ts').then(
        ({ mountPanel }) => {
          if (!this.isConnected || this.#unmount) return
          this.#unmount = mountPanel(this, observer)
          this.dispatchEvent(new Event('load'))
        },
        () => void this.dispatchEvent(new Event('error')),
      )
    }

    disconnectedCallback(): void {
      this.#unmount?.()
      this.#unmount = undefined
    }

    attributeChangedCallback(): void {
      this.dispatchEvent(new Event('toggle'))
    }
  }
}
