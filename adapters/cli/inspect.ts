import {
  ERROR_TABLE,
  type ExternalIssuer,
  LatchkeyError,
  type LatchkeyErrorCode,
  createSessionResolver,
  isLatchkeyError,
} from '../../lib/server.ts'
import { createProofVerifier } from '../../lib/server-kit.ts'
import { type ExplainedMember, type TokenKind, explain, kindOf, lineOf } from './claims.ts'
import { type LooseToken, decodeLoosely } from './decode-token.ts'
import { type Settings, UsageError } from './flags.ts'

/** How a server would respond to a token. */
export interface ServerVerdict {
  /** Null if this cannot be decided without the issuer's key. */
  readonly accepted: boolean | null
  /** For the operator. */
  readonly code: LatchkeyErrorCode | null
  readonly meaning: string
  /** The HTTP status, and the state that the client receives. */
  readonly status: number | null
  readonly client: string | null
  /** What was not verified because no flag gives the expected value. */
  readonly unchecked: readonly string[]
}

/** The result of `latchkey inspect`. */
export interface Inspection {
  readonly kind: TokenKind | null
  readonly header: readonly ExplainedMember[]
  readonly claims: readonly ExplainedMember[]
  readonly server: ServerVerdict
}

/**
 * Explains a token. The result never contains its signature.
 *
 * @param input - the token, optionally prefixed with `Bearer`
 * @param clock - milliseconds since 1970
 * @throws {UsageError} there is no token, or a flag is invalid
 */
export async function inspect(input: string, settings: Settings, clock: () => number): Promise<Inspection> {
  const token = input.trim().replace(/^(authorization:\s*)?bearer\s+/i, '')
  if (token === '') throw new UsageError('Expected a token on standard input.')
  const loose = decodeLoosely(token)
  if (!loose) return { kind: null, header: [], claims: [], server: refused('TOKEN_MALFORMED', []) }
  const kind = kindOf(loose)
  return { kind, ...explain(loose, clock() / 1000), server: await JUDGES[kind](token, loose, settings, clock) }
}

type Judge = (token: string, loose: LooseToken, settings: Settings, clock: () => number) => Promise<ServerVerdict>

const JUDGES: Readonly<Record<TokenKind, Judge>> = {
  'local-first': judgeLocalFirst,
  proof: judgeProof,
  external: judgeExternal,
}

async function judgeLocalFirst(
  token: string,
  { claims }: LooseToken,
  settings: Settings,
  clock: () => number,
): Promise<ServerVerdict> {
  const { audience, unchecked } = audienceOf(claims, settings.list('audience'))
  return resolve(token, { localFirst: { audience, afterUpgrade: 'allow' }, clock }, [
    ...unchecked,
    'whether the key was revoked or replaced by its account',
  ])
}

async function judgeProof(
  token: string,
  { claims }: LooseToken,
  settings: Settings,
  clock: () => number,
): Promise<ServerVerdict> {
  const { audience, unchecked } = audienceOf(claims, settings.list('audience'))
  const missing = [...unchecked, 'nonce, purpose and link_to', 'whether the proof was used before']
  try {
    const expectation = {
      purpose: claims['purpose'] as 'upgrade',
      nonce: textOf(claims['nonce']),
      linkTo: textOf(claims['link_to']),
    }
    await createProofVerifier({ audience, clock }).verify(token, expectation)
    return {
      accepted: true,
      code: null,
      meaning: 'The proof is valid where a server requests one. It cannot authorize requests.',
      status: 200,
      client: null,
      unchecked: missing,
    }
  } catch (error) {
    return refused(codeOf(error), missing)
  }
}

async function judgeExternal(
  token: string,
  { claims }: LooseToken,
  settings: Settings,
  clock: () => number,
): Promise<ServerVerdict> {
  const publicKey = settings.text('jwt-public-key')
  const audience = settings.list('jwt-audience')
  const told = settings.text('jwt-issuer')
  const issuer = told ?? textOf(claims['iss'])
  if (issuer === undefined) return refused('ISSUER_UNKNOWN', [])
  const unchecked = [...(told ? [] : ['iss']), ...(audience.length ? [] : ['aud'])]
  if (publicKey === undefined) return withoutKey(claims, unchecked, clock() / 1000)
  return resolve(
    token,
    { external: readIssuer({ issuer, publicKey, ...(audience.length && { audience }) }), clock },
    unchecked,
  )
}

/** Without the key, only a rejection is certain. */
function withoutKey({ exp }: LooseToken['claims'], unchecked: readonly string[], now: number): ServerVerdict {
  const all = ['the signature (give --jwt-public-key)', ...unchecked]
  if (typeof exp !== 'number') return refused('TOKEN_CLAIM_INVALID', all)
  if (exp <= now) return refused('TOKEN_EXPIRED', all)
  return {
    accepted: null,
    code: null,
    meaning: "Undecided: the signature cannot be verified without the issuer's key.",
    status: null,
    client: null,
    unchecked: all,
  }
}

function readIssuer(issuer: ExternalIssuer): ExternalIssuer {
  try {
    createSessionResolver({ external: issuer })
    return issuer
  } catch (error) {
    throw new UsageError(`--jwt-public-key: ${(error as Error).message}.`)
  }
}

async function resolve(
  token: string,
  options: Parameters<typeof createSessionResolver>[0],
  unchecked: readonly string[],
): Promise<ServerVerdict> {
  const found = await createSessionResolver(options).resolve({ authorization: `Bearer ${token}` })
  if (!found.ok) return refused(found.reason, unchecked)
  return {
    accepted: true,
    code: null,
    meaning: `Accepted as ${found.session.authMode}.`,
    status: 200,
    client: null,
    unchecked,
  }
}

function refused(code: LatchkeyErrorCode, unchecked: readonly string[]): ServerVerdict {
  const { meaning, status = 400, state = null } = ERROR_TABLE[code]
  return { accepted: false, code, meaning, status, client: state, unchecked }
}

function codeOf(error: unknown): LatchkeyErrorCode {
  if (isLatchkeyError(error)) return (error as LatchkeyError).code
  throw error
}

/** The expected audience. Defaults to the token's own. */
function audienceOf(
  { aud }: LooseToken['claims'],
  told: readonly string[],
): { audience: readonly string[]; unchecked: readonly string[] } {
  if (told.length > 0) return { audience: told, unchecked: [] }
  return { audience: [textOf(aud) || '-'], unchecked: ['aud'] }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** Has a section for each code. */
const ERRORS_PAGE = 'https://github.com/latchkey-id/latchkey/blob/main/docs/errors.md'

/** Formats the inspection as text. */
export function printInspection({ kind, header, claims, server }: Inspection): string {
  const { accepted, code, meaning, status, client, unchecked } = server
  const verdict = accepted ? 'accepted' : accepted === null ? 'unknown' : `rejected, ${code}`
  return [
    `Kind: ${kind ?? 'no token'}`,
    ...(header.length ? ['', 'Header', ...header.map(lineOf)] : []),
    ...(claims.length ? ['', 'Claims', ...claims.map(lineOf)] : []),
    '',
    `Server: ${verdict}`,
    `  ${meaning}`,
    ...(status !== null && !accepted ? [`  Status ${status}${client ? `, client error “${client}”` : ''}.`] : []),
    ...(code ? [`  What to do: ${ERRORS_PAGE}#${code.toLowerCase()}`] : []),
    ...(unchecked.length ? [`  Not checked: ${unchecked.join(', ')}.`] : []),
    '',
  ].join('\n')
}
