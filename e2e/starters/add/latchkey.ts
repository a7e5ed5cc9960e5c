import { createAuth } from 'latchkey'
import { betterAuthAccount } from 'latchkey/better-auth/client'
import { authClient } from '{{client}}'

/**
 * The identity of this device. It exists at once and offline; `auth.upgrade` gives it an account.
 *
 * Add `describeLocal`, so that signing in to another account never hides what this device holds:
 * https://github.com/latchkey-id/latchkey/blob/main/docs/client.md#options
 */
export const auth = createAuth({ account: betterAuthAccount(authClient) })
