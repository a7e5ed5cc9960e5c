import { type AuthState, createAuth } from 'latchkey'
import type { Backups, Devices, Upgrade } from 'latchkey/react'
import type { Part } from './rig.ts'

/** At module level, as apps do: the server that renders runs this line too. */
export const auth = createAuth()

/** What each part showed first. */
export const firstShown: Record<string, string> = {}

const SHOWN: readonly Part[] = [
  {
    id: 'phase',
    auth,
    use: 'auth',
    show: ({ phase }: AuthState) => phase,
    isMarked: ({ phase }: AuthState) => phase === 'ready',
  },
  {
    id: 'principal',
    auth,
    use: 'auth',
    select: ({ session }) => session?.principal,
    show: (principal: string | undefined) => principal ?? 'nobody yet',
  },
  {
    id: 'summary',
    auth,
    use: 'auth',
    select: ({ authMode, storage }) => ({ authMode, durability: storage.durability }),
    show: ({ authMode, durability }: { authMode: string; durability: string }) => `${authMode}, ${durability}`,
  },
  { id: 'upgrade', auth, use: 'upgrade', show: ({ phase, failure }: Upgrade) => `${phase} ${failure}` },
  { id: 'devices', auth, use: 'devices', show: ({ phase, devices }: Devices) => `${phase} ${devices.length}` },
  { id: 'backups', auth, use: 'backups', show: ({ phase, advice }: Backups) => `${phase} ${advice}` },
  { id: 'field', auth, use: 'field', show: (mode: string) => mode },
]

/** What the page that a server renders shows. */
export const PARTS: readonly Part[] = SHOWN.map((part) => ({
  ...part,
  show(value: never) {
    const text = part.show(value)
    firstShown[part.id] ??= text
    return text
  },
}))
