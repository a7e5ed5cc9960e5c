import type { AccountProvider } from '../client/shared/account-provider.ts'
import { ANSWER_TIMEOUT_MS, accountOf } from '../client/shared/bounded-account.ts'
import { timeOf } from '../client/shared/server-time.ts'
import { defaultAudience } from '../client/tokens/audience.ts'
import type { DeviceKey } from '../identity/device-key.ts'
import { withTimeout } from '../timeout.ts'
import { mintToken } from '../tokens/mint.ts'
import { mintProof } from '../tokens/prove.ts'

/** Which servers to ask whether an identity exists. */
export interface KnownOptions {
  /** The account provider of `createAuth`. */
  readonly account?: AccountProvider
  /**
   * Asks the app's own server whether it has data of an identity. No other server knows an identity without an account.
   */
  readonly isKnown?: (identity: AskedIdentity) => boolean | Promise<boolean>
  /** `aud` of the token for `isKnown`. Defaults to `location.origin`. */
  readonly audience?: string
  /** Returns milliseconds since 1970. Defaults to the system clock. */
  readonly clock?: () => number
}

/** The identity that a server is asked about. */
export interface AskedIdentity {
  readonly principal: string
  /** A local-first token of this identity, for the `Authorization` header of one request. It is not stored. */
  readonly token: string
}

/** `offline`: none of the servers knows the identity, and one of them did not answer, or there is none to ask. */
export type KnownToServer = boolean | 'offline'

/** Asks the servers. Nothing is stored, neither here nor there. */
export async function askServers(options: KnownOptions, key: DeviceKey): Promise<KnownToServer> {
  const { isKnown, clock = Date.now } = options
  const account = accountOf({ options })
  const audience = isKnown && defaultAudience(options)
  const now = (await timeOf(account, clock())) / 1000
  const asked = [
    account?.isKnown && askAccount(account, key, now),
    isKnown && askApp(isKnown, key.principal, mintToken(key, { audience: audience!, now })),
  ]
  const answers = await Promise.all(asked.flatMap((answer) => (answer ? answerOf(answer) : [])))
  if (answers.includes(true)) return true
  return answers.length === 0 || answers.includes('offline') ? 'offline' : false
}

async function askAccount(account: AccountProvider, key: DeviceKey, now: number): Promise<boolean> {
  const { audience } = account
  return account.isKnown!((nonce) => mintProof(key, { audience, now, purpose: 'known', nonce }))
}

async function askApp(
  isKnown: NonNullable<KnownOptions['isKnown']>,
  principal: string,
  token: Promise<string>,
): Promise<boolean> {
  return isKnown({ principal, token: await token })
}

/** Any failure leaves open whether the identity is known. */
async function answerOf(asked: Promise<boolean>): Promise<KnownToServer> {
  const answer = await withTimeout(asked, ANSWER_TIMEOUT_MS, () => 'offline' as const).catch(() => 'offline' as const)
  return answer === 'offline' ? answer : answer === true
}
