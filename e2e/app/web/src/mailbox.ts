/** A letter in the demo's mailbox. */
export interface Letter {
  readonly id: number
  readonly to: string
  readonly subject: string
  readonly link: string
  readonly sentAt: number
}

const KEY = 'latchkey-notes:addresses'

/** Remembers, in this tab, an address to which a letter may come. */
export function expectLetters(address: string): void {
  try {
    sessionStorage.setItem(KEY, JSON.stringify(withLatest(address.toLowerCase())))
  } catch {
    // Then the mailbox shows only the letters of the account.
  }
}

/** Returns the address that the user typed last in this tab; empty if there is none. */
export function lastExpected(): string {
  return addresses().at(-1) ?? ''
}

export async function fetchLetters(address: unknown): Promise<readonly Letter[]> {
  const query = new URLSearchParams(addresses().map((each) => ['to', each]))
  if (typeof address === 'string') query.append('to', address)
  const response = await fetch(`/api/mailbox?${query}`)
  if (!response.ok) throw new TypeError(`the server answered ${response.status}`)
  return ((await response.json()) as { letters: Letter[] }).letters
}

const withLatest = (address: string): string[] => [...addresses().filter((other) => other !== address), address]

function addresses(): string[] {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? '[]') as string[]
  } catch {
    return []
  }
}
