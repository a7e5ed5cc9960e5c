import { type LooseToken, printable } from './decode-token.ts'

/** One explained member of a token. */
export interface ExplainedMember {
  readonly name: string
  readonly value: unknown
  readonly meaning: string
}

/** The kind of token, as declared by the token itself. */
export type TokenKind = 'local-first' | 'proof' | 'external'

/** Uses the same criteria as the resolver. */
export function kindOf({ header, claims }: LooseToken): TokenKind {
  if (header['typ'] === 'latchkey-proof+jwt') return 'proof'
  return header['typ'] === 'latchkey+jwt' || claims['iss'] === 'urn:latchkey:local-first' ? 'local-first' : 'external'
}

type Explain = (value: unknown, now: number) => string

const HEADER: Readonly<Record<string, Explain>> = {
  alg: (value) =>
    /^(none|HS\d+)$/i.test(String(value)) ? 'Not a public-key algorithm: servers reject it.' : 'Signature algorithm.',
  typ: () => 'Token type.',
  kid: () => "The issuer's key that signed the token.",
  jku: () => 'A URL of keys. Servers never fetch it.',
  x5u: () => 'A URL of certificates. Servers never fetch it.',
  jwk: () => 'A key in the header. Servers never trust it.',
  crit: () => 'Extensions that a verifier must understand.',
}

const CLAIMS: Readonly<Record<string, Explain>> = {
  iss: (value) => (value === 'urn:latchkey:local-first' ? 'Issuer: a self-signing device.' : 'Issuer.'),
  sub: () => 'Subject: the principal that the token identifies.',
  aud: () => 'Audience: the app that may accept the token.',
  azp: () => 'The party that the token was issued to.',
  iat: (value, now) => `Issued ${when(value, now)}.`,
  nbf: (value, now) => `Not valid before ${when(value, now)}.`,
  exp: (value, now) => `${isPast(value, now) ? 'Expired' : 'Expires'} ${when(value, now)}.`,
  jti: () => 'Token ID: a proof can be used only once.',
  sub_jwk: () => "The device's public key, from which the principal is derived.",
  purpose: () => 'The only purpose that the proof authorizes.',
  nonce: () => "The nonce of the server's challenge.",
  link_to: () => 'The principal of the account to link to.',
  auth_mode: () => 'Whether the token identifies a device or an account.',
  aliases: () => 'Other principals of the same account.',
  principals_tag: () => 'Changes with the list of principals, for engines that cannot compare lists.',
  delegation: () => 'Not supported by this version: servers reject it.',
}

/** @param now - seconds since 1970 */
export function explain(
  { header, claims }: LooseToken,
  now: number,
): { header: ExplainedMember[]; claims: ExplainedMember[] } {
  return { header: members(header, HEADER, now), claims: members(claims, CLAIMS, now) }
}

function members(
  object: Readonly<Record<string, unknown>>,
  known: Readonly<Record<string, Explain>>,
  now: number,
): ExplainedMember[] {
  return Object.entries(object).map(([name, value]) => {
    const meaning = Object.hasOwn(known, name) ? known[name]!(value, now) : 'Custom claim of the issuer.'
    return { name, value, meaning }
  })
}

function isPast(value: unknown, now: number): boolean {
  return typeof value === 'number' && value <= now
}

/** Formats a time, or says that the value is not a time. */
function when(value: unknown, now: number): string {
  if (typeof value !== 'number' || !(Math.abs(value) < 8.64e12)) return 'at an invalid time'
  const away = Math.round(value - now)
  return `${new Date(value * 1000).toISOString()}, ${away > 0 ? `in ${away} s` : `${-away} s ago`}`
}

/** Formats one member for the terminal, with its value on one line. */
export function lineOf({ name, value, meaning }: ExplainedMember): string {
  const text = JSON.stringify(value)
  const shown = text.length > 200 ? `${text.slice(0, 200)}…` : text
  return `  ${printable(name)}: ${printable(shown)}\n      ${meaning}`
}
