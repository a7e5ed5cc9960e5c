import { Hono } from 'hono'

/** A letter that a real server would send by mail. */
export interface Letter {
  readonly to: string
  readonly subject: string
  /** Where its link leads. */
  readonly link: string
}

/** A letter in the mailbox. */
interface KeptLetter extends Letter {
  readonly id: number
  /** Milliseconds since 1970. */
  readonly sentAt: number
}

export interface Mailbox {
  post(letter: Letter): void
  /** Returns the letters to these addresses, in upper or lower case, the latest first. */
  lettersTo(addresses: readonly string[]): readonly KeptLetter[]
}

const MAX_LETTERS = 200

/** Keeps the latest letters in memory. For a demo only: anyone who can reach the server can read them. */
export function createMailbox(): Mailbox {
  let letters: readonly KeptLetter[] = []
  let count = 0
  return {
    post(letter) {
      letters = [{ ...letter, id: ++count, sentAt: Date.now() }, ...letters].slice(0, MAX_LETTERS)
    },
    lettersTo(addresses) {
      const wanted = addresses.map((address) => address.toLowerCase())
      return letters.filter(({ to }) => wanted.includes(to.toLowerCase()))
    },
  }
}

/** `GET /?to=ada@example.com`, also with several addresses. */
export function serveMailbox(mailbox: Mailbox): Hono {
  return new Hono().get('/', (context) => {
    context.header('cache-control', 'no-store')
    return context.json({ letters: mailbox.lettersTo(context.req.queries('to') ?? []) })
  })
}
