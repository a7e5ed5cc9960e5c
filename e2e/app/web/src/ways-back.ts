import { betterAuthAccount, betterAuthBackups } from 'latchkey/better-auth/client'
import { type PasskeyBackups, createPasskeyBackup } from 'latchkey/passkey'
import type { KnownOptions, RecoverableAuth } from 'latchkey/recovery'
import type { AccountClient } from './auth.ts'
import { fetchSummary } from './notes/api.ts'

/** Who knows an identity: the account server, and the notes server for one without an account. */
export function knownOptions(account: AccountClient): KnownOptions {
  return {
    account: betterAuthAccount(account),
    isKnown: async ({ token }) => (await fetchSummary(token)).count > 0,
  }
}

/** Backups by a passkey; the server keeps the sealed copy, so that the passkey alone is enough. */
export function createPasskeys(auth: RecoverableAuth, account: AccountClient): PasskeyBackups {
  return createPasskeyBackup(auth, { app: 'Notes', store: betterAuthBackups(account), ...knownOptions(account) })
}
