import type { Auth } from 'latchkey'

/**
 * Identities of this device that somebody put aside for an account, remembered under the account: the next person who
 * signs in here is not offered them.
 */
export interface Aside {
  put(account: string, principal: string): void
  /** Those whose keys are still on this device, the one put aside last first. */
  of(account: string): Promise<readonly string[]>
}

const keyOf = (account: string): string => `latchkey-notes:aside:${account}`

export function createAside(auth: () => Auth): Aside {
  return {
    put(account, principal) {
      const others = read(account).filter((other) => other !== principal)
      try {
        localStorage.setItem(keyOf(account), JSON.stringify([principal, ...others]))
      } catch {
        // The identity itself is kept all the same.
      }
    },
    async of(account) {
      const wanted = read(account)
      if (wanted.length === 0) return []
      const kept = (await auth().listIdentities()).map(({ principal }) => principal)
      return wanted.filter((principal) => kept.includes(principal))
    },
  }
}

function read(account: string): string[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(keyOf(account)) ?? '[]')
    return Array.isArray(found) ? found.filter((each) => typeof each === 'string') : []
  } catch {
    return []
  }
}
