import { createAuthClient } from 'better-auth/client'
import { latchkeyClient } from 'latchkey/better-auth/client'

export const authClient = createAuthClient({ plugins: [latchkeyClient()] })
