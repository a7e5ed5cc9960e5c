import type { BackupStore, ProveWrite } from '../../../lib/passkey.ts'
import type { LatchkeyAuthClient } from './auth-client.ts'
import { PROOF_HEADER } from './proof-header.ts'
import { type FetchOptions, ask, challenge, foreign, look } from './requests.ts'

/** Members of the server's answers. A captive portal has none of them. */
type Answers = Readonly<Partial<Record<'envelope' | 'expiresIn' | 'status', unknown>>>

/**
 * Uses the Better Auth plugin as the backup store of `createPasskeyBackup`.
 *
 * @param client - made by `createAuthClient` with `latchkeyClient` among its plugins
 */
export function betterAuthBackups(client: LatchkeyAuthClient): BackupStore {
  const { fetch, baseURL, requireNonce } = client.$latchkey()
  const post = (path: string, body: object, options: FetchOptions = {}): Promise<unknown> =>
    ask(fetch, `/latchkey/backup${path}`, { body, redirect: 'manual', ...options })
  const write = async (path: string, body: object, prove: ProveWrite): Promise<Answers> => {
    const nonce = requireNonce ? await challenge(fetch, 'backup') : undefined
    return Object(await post(path, body, { headers: { [PROOF_HEADER]: await prove(nonce) } }))
  }
  const writeFor = async (path: string, body: object, prove: ProveWrite): Promise<number | null> => {
    const { expiresIn } = await write(path, body, prove)
    if (expiresIn === null || typeof expiresIn === 'number') return expiresIn
    throw foreign()
  }
  return {
    audience: baseURL,
    getTime: async () => (await look(fetch, { peek: true })).now,
    put: (locator, envelope, prove) => writeFor('', { locator, envelope }, prove),
    renew: (hash, prove) => writeFor('/renew', { hash }, prove),
    async read(locator) {
      // Without the cookie, the server cannot tell whose backup it is.
      const { envelope }: Answers = Object(await post('/read', { locator }, { credentials: 'omit' }))
      if (typeof envelope === 'string' || envelope === null) return envelope
      throw foreign()
    },
    async remove(locator, prove) {
      const { status } = await write('/remove', { locator }, prove)
      if (status !== true) throw foreign()
    },
  }
}
