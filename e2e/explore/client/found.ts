import type { Step } from './step.ts'

/** A sequence that broke something once, as small as it could be made. */
interface FoundSequence {
  readonly name: string
  readonly steps: readonly Step[]
}

export const FOUND: readonly FoundSequence[] = [
  {
    name: 'a session is planted while a signed-out device requests a link',
    steps: [
      { tab: 0, do: 'signOut' },
      { tab: 0, do: 'askLinkPlanted', who: 'ada' },
    ],
  },
]
