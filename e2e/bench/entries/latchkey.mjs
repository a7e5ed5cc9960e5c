import { createAuth } from 'latchkey'

export const auth = createAuth()
