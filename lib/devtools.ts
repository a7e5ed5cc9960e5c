import { type LatchkeyDevtoolsElement, elementClass } from './devtools/element.ts'
import { observe } from './devtools/observe.ts'

export type { LatchkeyDevtoolsElement } from './devtools/element.ts'

declare global {
  interface HTMLElementTagNameMap {
    'latchkey-devtools': LatchkeyDevtoolsElement
  }
}

/** The name of the element. */
const TAG = 'latchkey-devtools'

/**
 * Defines the element `<latchkey-devtools>`, the developer panel, and starts to listen at
 * `globalThis[Symbol.for('latchkey.devtools')]`; a hook that is there already goes on hearing everything.
 *
 * Call it before `createAuth`: what was created earlier cannot be seen. The panel itself loads when the element is put
 * into a page. Calling again does nothing; nor does calling where there are no custom elements, on a server or in a
 * worker.
 */
export function defineDevtools(): void {
  if (!globalThis.customElements || customElements.get(TAG)) return
  customElements.define(TAG, elementClass(observe()))
}
