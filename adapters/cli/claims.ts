import { type LooseToken, printable } from './decode-token.ts'

/** One line of a token, explained. */
export interface ExplainedMember {
  readonly name: string
  readonly value: unknown
  readonly meaning: string
}

/** What kind of token it says to be. */
export type TokenKind = 'local-first' | 'proof' | 'external'

/** By the same marks as the resolver. */
export function kindOf({ header, claims }: LooseToken): TokenKind {
  if (header['typ'] === 'latchkey-proof+jwt') return 'proof'
  return header['typ'] === 'latchkey+jwt' || claims['iss'] === 'urn:latchkey:local-first' ? 'local-first' : 'external'
}

type Explain = (value: unknown, now: number) => string

const HEADER: Readonly<Record<string, Explain>> = {
  alg: (value) =>
    /^(none|HS\d+)$/i.test(String(value)) ? 'No algorithm of a public key: no server takes it.' : 'How it is signed.',
  typ: () => 'What kind of token it is.',
  kid: () => "Which of the issuer's keys signed it.",
  jku: () => 'An address of keys. No server follows it.',
  x5u: () => 'An address of certificates. No server follows it.',
  jwk: () => 'A key inside the header. No server trusts it.',
  crit: () => 'Extensions that have to be understood.',
}

const CLAIMS: Readonly<Record<string, Explain>> = {
  iss: (value) => (value === 'urn:latchkey:local-first' ? 'Issuer: a device, which signs for itself.' : 'Issuer.'),
  sub: () => 'Subject: who it is about.',
  aud: () => 'Audience: the only app that may take it.',
  azp: () => 'The party that it was issued to.',
  iat: (value, now) => `Issued ${when(value, now)}.`,
  nbf: (value, now) => `Not good before then: ${when(value, now)}.`,
  exp: (value, now) => `${isPast(value, now) ? 'Expired' : 'Expires'} ${when(value, now)}.`,
  jti: () => 'Its own id: a proof works once.',
  sub_jwk: () => "The device's public key, from which the principal follows.",
  purpose: () => 'The one act that the proof agrees to.',
  nonce: () => "The server's challenge that the proof answers.",
  link_to: () => 'The principal of the account that the device wants to join.',
  auth_mode: () => 'Whether a device or an account speaks.',
  aliases: () => 'Further principals of the same account.',
  delegation: () => 'Not known to this version: no server takes it.',
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
    const meaning = Object.hasOwn(known, name) ? known[name]!(value, now) : "Of the issuer's own."
    return { name, value, meaning }
  })
}

function isPast(value: unknown, now: number): boolean {
  return typeof value === 'number' && value <= now
}

/** A time as people read it; anything that is none says so. */
function when(value: unknown, now: number): string {
  if (typeof value !== 'number' || !(Math.abs(value) < 8.64e12)) return 'at no time that can be read'
  const away = Math.round(value - now)
  return `${new Date(value * 1000).toISOString()}, ${away > 0 ? `in ${away} s` : `${-away} s ago`}`
}

/** One member as a line, on one line of the terminal. */
export function lineOf({ name, value, meaning }: ExplainedMember): string {
  const text = JSON.stringify(value)
  const shown = text.length > 200 ? `${text.slice(0, 200)}…` : text
  return `  ${printable(name)}: ${printable(shown)}\n      ${meaning}`
}
