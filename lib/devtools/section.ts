import type { Observed } from './observe.ts'

/** A part of the panel that shows something. */
export interface Section {
  readonly element: HTMLElement | SVGElement
  render(observed: Observed): void
}

/** A part of the panel that changes something. */
export interface Switch extends Section {
  /** Returns the active setting in one or two words; empty by default. */
  summary(observed: Observed | undefined): string
  /** Restores everything that was changed here. */
  reset(): void
}
