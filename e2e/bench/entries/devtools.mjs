import { createAuth } from 'latchkey'
import { defineDevtools } from 'latchkey/devtools'

defineDevtools()
export const auth = createAuth()
