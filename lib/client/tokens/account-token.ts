import { LatchkeyError } from '../../errors.ts'
import { decodeBase64url } from '../../identity/encoding.ts'
import { currentAccount, replaceEntry, withAliases } from '../../keystore/entries.ts'
import type { AccountEntry, KeptToken } from '../../keystore/record.ts'
import { guarded } from '../../machine/guarded.ts'
import type { Session } from '../../machine/state.ts'
import { accountOf } from '../shared/bounded-account.ts'
import type { Context } from '../shared/context.ts'
import { refreshing } from '../shared/lock.ts'
import { readAgain } from '../shared/tab-sync.ts'
import { REFRESH_MARGIN_MS } from './first-token.ts'

/**
 * Fetches a fresh token of the account, in one tab for all, and stores and shows its claims.
 *
 * @param refused - the token to replace: too old, or refused by a server
 */
export async function accountToken(
  context: Context,
  session: Session,
  refused: KeptToken | undefined,
): Promise<KeptToken> {
  const token = await refreshing(context, async () => {
    await readAgain(context)
    checkSame(context, session)
    const kept = currentAccount(context.keyring())?.token
    // A token outlives its session: while the account server reports no session, it is asked again.
    const isGone = context.getState().error === 'missing'
    // Two tokens of the same second have the same bytes: the later one counts as new.
    const isNew = kept && (!refused || kept.jwt !== refused.jwt || kept.until > refused.until)
    const isFresh = isNew && !isGone && kept.until - context.now() > REFRESH_MARGIN_MS
    return isFresh ? kept : fetchToken(context, session)
  })
  context.dispatch({ type: 'tokenAccepted' })
  return token
}

async function fetchToken(context: Context, session: Session): Promise<KeptToken> {
  const before = currentAccount(context.keyring())
  const jwt = await accountOf(context)?.getToken()
  checkSame(context, session)
  if (!jwt) {
    context.dispatch({ type: 'tokenRejected', reason: 'missing' })
    throw new LatchkeyError('SESSION_MISSING')
  }
  const payload = readPayload(jwt)
  if (!isTheirs(context, session, payload)) {
    context.dispatch({ type: 'tokenRejected', reason: 'invalid' })
    throw new LatchkeyError('PRINCIPAL_MISMATCH')
  }
  const claims = claimsOf(context, payload)
  // For the other tabs and an offline start; if the store fails, only these are affected.
  const token: KeptToken = { jwt, until: context.now() + lifetimeOf(payload) - ageOf(context, payload) }
  // A correction of the clock is forgotten at each reload: there it must not seem to last longer.
  const kept = { jwt, until: token.until - Math.max(0, context.timing.skew) }
  // Another issuer may use the claim `aliases` for something else.
  const listed = context.options.account?.isTokenOf ? {} : payload
  const isCurrent = await keepAnswer(context, session, before, listed, { claims, token: kept }).catch(() => true)
  return isCurrent ? token : fetchToken(context, session)
}

function isTheirs(context: Context, { principal }: Session, payload: Readonly<Record<string, unknown>>): boolean {
  const { account } = context.options
  const accountId = currentAccount(context.keyring())?.accountId ?? ''
  return account?.isTokenOf ? account.isTokenOf(payload, { accountId, principal }) : payload['sub'] === principal
}

/** Returns the claims of a token that came from the account server itself. They are shown, not trusted. */
export function readPayload(jwt: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(new TextDecoder().decode(decodeBase64url(jwt.split('.')[1]!)))
  } catch {
    return {}
  }
}

/** In milliseconds. It counts from the token's issue, so that it does not depend on any clock. */
export function lifetimeOf({ iat, exp }: Readonly<Record<string, unknown>>): number {
  return (Number(exp) - Number(iat)) * 1000 || 0
}

/** In milliseconds. The account server issues a token when it is asked; a provider's own client may have cached it. */
function ageOf({ options, now }: Context, payload: Readonly<Record<string, unknown>>): number {
  if (!options.account?.isTokenOf) return 0
  const age = now() - Number(payload['iat']) * 1000
  // A token that looks expired, or not yet issued, was signed under another clock.
  return age > 0 && age < lifetimeOf(payload) ? age : 0
}

/** Discards responses that belong to a previous identity. */
export function checkSame(context: Context, { principal }: Session): void {
  if (context.getState().session?.principal !== principal) throw new LatchkeyError('IDENTITY_CHANGED')
}

/**
 * Stores and shows what an answer of the account server says about the account.
 *
 * @param before - the account at the time of the request
 * @param payload - of a token that Latchkey's account server signed
 * @returns false if another call changed the aliases while the request was on its way, so that the token contains
 *   others: then nothing is stored, and the caller asks again. Servers would trust an alias that was removed
 */
export async function keepAnswer(
  context: Context,
  { principal, claims }: Session,
  before: AccountEntry | undefined,
  payload: Readonly<Record<string, unknown>>,
  kept: Partial<Pick<AccountEntry, 'claims' | 'token'>> = {},
): Promise<boolean> {
  const aliases = aliasesIn(payload)
  let isShown = kept.claims && JSON.stringify(claims) !== JSON.stringify(kept.claims)
  let isLate = false
  await context.write((keyring) => {
    const current = currentAccount(keyring)
    if (!keyring || current?.principal !== principal) return keyring
    const isOther = aliases && `${aliases}` !== `${current.aliases}`
    isLate = isOther === true && `${current.aliases}` !== `${before?.aliases}`
    if (isLate || (!isOther && !kept.token)) return keyring
    isShown ||= isOther
    return replaceEntry(keyring, current, { ...(isOther ? withAliases(current, aliases) : current), ...kept })
  })
  if (isShown && !isLate) context.dispatch({ type: 'sessionConfirmed', view: context.view() })
  return !isLate
}

function aliasesIn({ aliases }: Readonly<Record<string, unknown>>): readonly string[] | undefined {
  return Array.isArray(aliases) && aliases.every((alias) => typeof alias === 'string') ? aliases : undefined
}

/** Claims are shown, not trusted: an error of the app is reported, and the token is used without them. */
function claimsOf(
  { options: { readClaims = appClaims } }: Context,
  payload: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  let claims: Readonly<Record<string, unknown>> = {}
  guarded(() => void (claims = readClaims(payload) ?? {}))
  return claims
}

const REGISTERED = ['iss', 'sub', 'aud', 'iat', 'exp', 'nbf', 'jti', 'aliases', 'auth_mode', 'sid']

/** Returns a payload without the registered claims (RFC 7519 §4.1) and Latchkey's own. */
function appClaims(payload: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(payload).filter(([name]) => !REGISTERED.includes(name)))
}
