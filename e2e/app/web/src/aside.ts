import type { Auth } from 'latchkey'

/**
 * Identities of this device that were set aside for an account, stored for each account: the next user who signs in
 * here is not offered them.
 */
export interface Aside {
  put(account: string, principal: string): void
  /** Returns those whose keys are still on this device, the latest first. */
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
        // If storing fails, the identity itself is still kept.
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
