import type { Step } from './step.ts'

/** A sequence that broke something once, as small as it could be made. */
interface FoundSequence {
  readonly name: string
  readonly steps: readonly Step[]
}

export const FOUND: readonly FoundSequence[] = []
