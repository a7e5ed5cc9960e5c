import type { Observed } from './observe.ts'

/** A part of the panel: it shows what is, each time it is told to. */
export interface Section {
  readonly element: HTMLElement | SVGElement
  render(observed: Observed): void
}
