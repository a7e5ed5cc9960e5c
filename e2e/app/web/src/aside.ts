import type { Auth } from 'latchkey'

/**
 * Identities of this device that were set aside for another one, stored for each: the next user who signs in here is
 * not offered them.
 */
export interface Aside {
  /** @param current - an account, or another identity of this device */
  put(current: string, principal: string): void
  /** Removes an identity that is current again. */
  take(principal: string): void
  /** Returns true if this identity was set aside for another one. */
  has(principal: string): boolean
  /** Returns those whose keys are still on this device, the latest first. */
  of(current: string): Promise<readonly string[]>
}

const PREFIX = 'latchkey-notes:aside:'

export function createAside(auth: () => Auth): Aside {
  return {
    put: (current, principal) => write(current, [principal, ...read(current).filter((other) => other !== principal)]),
    take(principal) {
      for (const current of holdersOf(principal))
        write(
          current,
          read(current).filter((other) => other !== principal),
        )
    },
    has: (principal) => holdersOf(principal).length > 0,
    async of(current) {
      const wanted = read(current)
      if (wanted.length === 0) return []
      const kept = (await auth().listIdentities()).map(({ principal }) => principal)
      return wanted.filter((principal) => kept.includes(principal))
    },
  }
}

function write(current: string, principals: readonly string[]): void {
  try {
    localStorage.setItem(PREFIX + current, JSON.stringify(principals))
  } catch {
    // If storing fails, the identity itself is still kept.
  }
}

/** Returns for whom an identity was set aside. */
function holdersOf(principal: string): string[] {
  try {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(PREFIX))
    return keys.map((key) => key.slice(PREFIX.length)).filter((current) => read(current).includes(principal))
  } catch {
    return []
  }
}

function read(current: string): string[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(PREFIX + current) ?? '[]')
    return Array.isArray(found) ? found.filter((each) => typeof each === 'string') : []
  } catch {
    return []
  }
}
