import type { Act } from './act.ts'

/** A sequence that broke something once, as small as it could be made. */
interface FoundSequence {
  readonly name: string
  /** Which of the settings. */
  readonly setting: number
  readonly acts: readonly Act[]
}

export const FOUND: readonly FoundSequence[] = [
  {
    name: 'the victim opens the mailed link, and verifies her phone number before she asks who she is',
    setting: 0,
    acts: [
      { at: 'eve', do: 'signUp', to: 'ada', proof: true },
      { at: 'ada', do: 'open', to: 'ada', how: 'page' },
      { at: 'ada', do: 'phone', how: 'update' },
      { at: 'ada', do: 'look' },
    ],
  },
  {
    name: 'a mail program opens the mailed link, and the maker of the account verifies a phone number',
    setting: 0,
    acts: [
      { at: 'eve', do: 'signUp', to: 'ada', proof: true },
      { at: 'mailer', do: 'open', to: 'ada', how: 'page' },
      { at: 'eve', do: 'phone', how: 'update' },
      { at: 'ada', do: 'enter', to: 'ada', proof: true, how: 'link' },
      { at: 'ada', do: 'look' },
    ],
  },
]
