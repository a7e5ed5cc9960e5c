/** The kinds of credential that a request can carry. */
export type BearerKind = 'none' | 'local-first' | 'account' | 'exchanged' | 'other'

/** What is shown of the credential of a request. */
export interface Bearer {
  readonly kind: BearerKind
  readonly audience?: string
  /** Seconds since 1970. */
  readonly expiresAt?: number
}

/**
 * Says what a token is. Only its kind, audience and expiry are kept; nothing is verified.
 *
 * @param header - value of the header that carries the token, or null
 */
export function bearerOf(header: string | null): Bearer {
  if (header === null) return { kind: 'none' }
  const [, jws = ''] = /^Bearer ([\w.-]+)$/i.exec(header) ?? []
  const [head, payload] = jws.split('.').map(decode)
  if (!head || !payload) return { kind: 'other' }
  const { aud, exp } = payload
  return {
    kind: KINDS[String(head['typ'])] ?? 'account',
    ...(aud !== undefined && { audience: [aud].flat().join(', ') }),
    ...(typeof exp === 'number' && { expiresAt: exp }),
  }
}

const KINDS: Readonly<Record<string, BearerKind>> = { 'latchkey+jwt': 'local-first', 'at+jwt': 'exchanged' }

function decode(part: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const bytes = Uint8Array.from(atob(part.replaceAll('-', '+').replaceAll('_', '/')), (char) => char.charCodeAt(0))
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
