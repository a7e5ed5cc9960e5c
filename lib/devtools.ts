import { type LatchkeyDevtoolsElement, elementClass } from './devtools/element.ts'
import { observe } from './devtools/observe.ts'

export type { LatchkeyDevtoolsElement } from './devtools/element.ts'

declare global {
  interface HTMLElementTagNameMap {
    'latchkey-devtools': LatchkeyDevtoolsElement
  }
}

/** Tag name of the element. */
const TAG = 'latchkey-devtools'

/**
 * Defines the element `<latchkey-devtools>`, the developer panel, and installs the hook
 * `globalThis[Symbol.for('latchkey.devtools')]`. An existing hook keeps receiving all events.
 *
 * Call it before `createAuth`: instances that exist already are not shown. The panel's code loads when the element is
 * added to a page. Further calls do nothing, and neither does a call without custom elements (on a server, in a
 * worker).
 */
export function defineDevtools(): void {
  if (!globalThis.customElements || customElements.get(TAG)) return
  customElements.define(TAG, elementClass(observe()))
}
