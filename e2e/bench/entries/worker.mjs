import { createAuth } from 'latchkey/worker'

export const auth = createAuth()
