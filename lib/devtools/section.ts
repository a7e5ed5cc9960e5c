import type { Observed } from './observe.ts'

/** A part of the panel: it shows what is, each time it is told to. */
export interface Section {
  readonly element: HTMLElement | SVGElement
  render(observed: Observed): void
}

/** A part of the panel that changes something. */
export interface Switch extends Section {
  /** What is switched on, in a word or two; empty while everything is as it is. */
  summary(observed: Observed | undefined): string
  /** Puts everything back that was changed here. */
  reset(): void
}
