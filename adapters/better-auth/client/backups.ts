import type { BackupStore, ProveWrite } from '../../../lib/passkey.ts'
import type { LatchkeyAuthClient } from './auth-client.ts'
import { PROOF_HEADER } from './proof-header.ts'
import { type FetchOptions, ask, challenge, foreign } from './requests.ts'

/**
 * Uses the Better Auth plugin as the backup store of `createPasskeyBackup`.
 *
 * @param client - made by `createAuthClient` with `latchkeyClient` among its plugins
 */
export function betterAuthBackups(client: LatchkeyAuthClient): BackupStore {
  const { fetch, baseURL, requireNonce } = client.$latchkey()
  const post = (path: string, body: object, options: FetchOptions = {}): Promise<unknown> =>
    ask(fetch, `/latchkey/backup${path}`, { body, redirect: 'manual', ...options })
  const write = async (path: string, body: object, prove: ProveWrite): Promise<void> => {
    const nonce = requireNonce ? await challenge(fetch, 'backup') : undefined
    await post(path, body, { headers: { [PROOF_HEADER]: await prove(nonce) } })
  }
  return {
    audience: baseURL,
    put: (locator, envelope, prove) => write('', { locator, envelope }, prove),
    async read(locator) {
      // Without the cookie, the server cannot tell whose backup it is.
      const { envelope } = ((await post('/read', { locator }, { credentials: 'omit' })) ?? {}) as { envelope?: unknown }
      if (typeof envelope === 'string' || envelope === null) return envelope
      throw foreign()
    },
    remove: (locator, prove) => write('/remove', { locator }, prove),
  }
}
