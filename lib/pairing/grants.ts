import { LatchkeyError, type LatchkeyErrorCode } from '../errors.ts'
import { post } from './post.ts'

/** Signs one proof with the purpose `pair`, with the server's nonce if it requires one. */
export type ProvePair = (nonce?: string) => Promise<string>

/** The account that a grant is for, according to the server. */
export interface GrantedAccount {
  readonly accountId: string
  readonly principal: string
  /** Its verified e-mail address and phone number: show them. */
  readonly identifiers: readonly string[]
}

/** The account server's part of a pairing. */
export interface Grants {
  /** Returns a grant for the device with this thumbprint. */
  give(thumbprint: string, prove: ProvePair): Promise<string>
  /** Returns true if the grant was not used, and cannot be used any more. */
  withdraw(grant: string): Promise<boolean>
  inspect(grant: string, thumbprint: string, prove: ProvePair): Promise<GrantedAccount>
  /** Gives this device a session. */
  redeem(grant: string, thumbprint: string, prove: ProvePair): Promise<void>
}

const REFUSALS: readonly string[] = [
  'GRANT_FORBIDDEN',
  'GRANT_INVALID',
  'SESSION_NOT_FRESH',
  'SESSION_PAIRED',
  'PROOF_KEY_REVOKED',
  'PROOF_NONCE_MISSING',
] satisfies LatchkeyErrorCode[]

/** @param server - base URL, without a trailing slash */
export function httpGrants(server: string, send: typeof fetch): Grants {
  const ask = (path: string, body: object, headers: Record<string, string> = {}): Promise<unknown> =>
    post(send, { url: `${server}/latchkey/${path}`, body, headers, credentials: 'include' }, refused)

  /** A server that requires a nonce says so, before anything else. */
  async function prove(path: string, body: object, sign: ProvePair): Promise<unknown> {
    const attempt = async (nonce?: string): Promise<unknown> =>
      ask(path, body, { 'x-latchkey-proof': await sign(nonce) })
    return attempt().catch(async (error: LatchkeyError) => {
      if (error.code !== 'PROOF_NONCE_MISSING') throw error
      return attempt(String(((await ask('challenge', { purpose: 'pair' })) as { readonly nonce?: unknown }).nonce))
    })
  }

  return {
    async give(thumbprint, sign) {
      const { grant } = (await prove('pair/grant', { thumbprint }, sign)) as { readonly grant?: unknown }
      if (typeof grant !== 'string') throw new LatchkeyError('OFFLINE', 'no response from the latchkey plugin')
      return grant
    },
    async withdraw(grant) {
      const { withdrawn } = (await ask('pair/withdraw', { grant })) as { readonly withdrawn?: unknown }
      return withdrawn === true
    },
    async inspect(grant, thumbprint, sign) {
      const account = (await prove('pair/inspect', { grant, thumbprint }, sign)) as GrantedAccount
      const { accountId, principal, identifiers } = account
      if (typeof accountId !== 'string' || typeof principal !== 'string' || !Array.isArray(identifiers))
        throw new LatchkeyError('OFFLINE', 'no response from the latchkey plugin')
      return { accountId, principal, identifiers }
    },
    redeem: async (grant, thumbprint, sign) => void (await prove('pair/redeem', { grant, thumbprint }, sign)),
  }
}

function refused(status: number, code: unknown): LatchkeyError {
  const known = REFUSALS.find((each) => each === code) as LatchkeyErrorCode | undefined
  if (known) return new LatchkeyError(known)
  // Better Auth's own answer without a session. Anything in front of it answers with this status, too.
  if (status === 401 && code === 'UNAUTHORIZED') return new LatchkeyError('SESSION_MISSING')
  const isUnsaid = status === 401 || status === 429 || status >= 500
  return new LatchkeyError(isUnsaid ? 'OFFLINE' : 'PROVIDER_REFUSED', `status ${status}`)
}
