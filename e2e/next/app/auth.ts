import { createAuth } from 'latchkey'

/** At module level, as apps do: the server that renders runs this line too. */
export const auth = createAuth()
