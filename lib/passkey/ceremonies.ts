import { LatchkeyError, type LatchkeyErrorCode } from '../errors.ts'
import { decodeBase64url, encodeBase64url, utf8 } from '../identity/encoding.ts'
import { sha256 } from '../identity/digest.ts'
import { PROFILE } from '../identity/device-key.ts'
import type { EnvelopeContext } from './envelope.ts'
import { createUserHandle } from './user-handle.ts'

// Web Authentication level 3, with the extension `prf`. No server checks the signature: that the evaluated bytes open
// the envelope is the proof.

/** Length of an evaluation of the PRF, in bytes. */
const PRF_BYTES = 32

/** COSE algorithms: ES256, EdDSA and RS256, which Windows Hello needs. */
const ALGORITHMS = [-7, -8, -257]

/** Flags of the authenticator data (section 6.1). */
const USER_VERIFIED = 0x04
const BACKUP_ELIGIBLE = 0x08
const BACKED_UP = 0x10

/** Place of the flags in the authenticator data, after the SHA-256 of the relying party. */
const FLAGS_OFFSET = 32

/**
 * Where a passkey works. `synced`: on the user's other devices. `roaming`: wherever the user has the security key or
 * phone. `this-device`: only here, at least until it is synced, so it does not make an identity recoverable.
 */
export type PasskeyReach = 'synced' | 'roaming' | 'this-device'

/** What a passkey said about itself when it was used. */
export interface Used {
  /** In base64url. */
  readonly credentialId: string
  /** True if it may be synced to other devices. */
  readonly isSyncable: boolean
  readonly reach: PasskeyReach
}

/** Names for the browser's dialogs. */
export interface Shown {
  /** Name of the app. */
  readonly app: string
  /** Name of the passkey. */
  readonly user: string
}

/** Passkeys that this device knows, by their ids in base64url. */
export interface KnownPasskeys {
  /** Those of the same identity: their authenticators refuse to create another one. */
  readonly excluded: readonly string[]
  /** Those of any identity. */
  readonly known: readonly string[]
}

/**
 * Creates a passkey.
 *
 * @returns the id, in base64url
 * @throws {LatchkeyError} `PASSKEY_EXISTS`, `PASSKEY_CANCELLED`, `PASSKEY_UNAVAILABLE`; `PASSKEY_UNSUITABLE`: no PRF
 */
export async function createCredential(
  context: EnvelopeContext,
  { app, user }: Shown,
  { excluded, known }: KnownPasskeys,
  signal?: AbortSignal,
): Promise<string> {
  const prf = await prfOf(context)
  const created = await attempt(signal, () =>
    navigator.credentials.create({
      ...(signal && { signal }),
      publicKey: {
        rp: { id: context.rpId, name: app },
        user: { id: createUserHandle(), name: user, displayName: user },
        challenge: randomChallenge(),
        pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: 'public-key', alg })),
        authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
        excludeCredentials: excluded.map(descriptorOf),
        // With the input, although the result is not used: Windows Hello says otherwise that it has no PRF.
        extensions: { prf },
      },
    }),
  )
  const credentialId = encodeBase64url(new Uint8Array(created.rawId))
  if (created.getClientExtensionResults().prf?.enabled) return credentialId
  // Password managers delete it for good. It must be the one that was just created, for which no envelope exists.
  if (!known.includes(credentialId)) await forget(context.rpId, credentialId)
  throw unsuitable('no PRF')
}

/**
 * Has a passkey evaluate the PRF, and hands the bytes to `use`; afterwards they are overwritten.
 *
 * @param asked - id (base64url) of the passkey; without it, the user chooses one
 * @param signal - closes the browser's dialog
 * @throws {LatchkeyError} `PASSKEY_CANCELLED`, `PASSKEY_UNAVAILABLE`, `PASSKEY_UNSUITABLE`; those of `use`
 */
export async function evaluate<Value>(
  context: EnvelopeContext,
  asked: string | undefined,
  use: (prf: Uint8Array<ArrayBuffer>) => Promise<Value>,
  signal?: AbortSignal,
): Promise<readonly [Used, Value]> {
  const prf = await prfOf(context)
  const asserted = await attempt(signal, () =>
    navigator.credentials.get({
      ...(signal && { signal }),
      publicKey: {
        rpId: context.rpId,
        challenge: randomChallenge(),
        userVerification: 'required',
        allowCredentials: asked === undefined ? [] : [descriptorOf(asked)],
        extensions: { prf },
      },
    }),
  )
  const first: unknown = asserted.getClientExtensionResults().prf?.results?.first
  const bytes = new Uint8Array(Object(first) === first ? (first as ArrayBuffer) : [])
  try {
    const used = await usedOf(asserted, context, asked)
    if (bytes.length !== PRF_BYTES) throw unsuitable('no PRF')
    return [used, await use(bytes)]
  } finally {
    bytes.fill(0)
  }
}

async function usedOf(
  { rawId, response, authenticatorAttachment }: PublicKeyCredential,
  { rpId }: EnvelopeContext,
  asked: string | undefined,
): Promise<Used> {
  const credentialId = encodeBase64url(new Uint8Array(rawId))
  if (asked !== undefined && asked !== credentialId) throw unsuitable('another passkey')
  const data = new Uint8Array((response as AuthenticatorAssertionResponse).authenticatorData)
  const party = await sha256(utf8(rpId))
  if (party.some((byte, place) => data[place] !== byte)) throw unsuitable('another site')
  const has = (flag: number): boolean => (data[FLAGS_OFFSET]! & flag) !== 0
  if (!has(USER_VERIFIED)) throw unsuitable('user not verified')
  // A passkey that is synced without being eligible contradicts itself (section 6.1.3).
  const isSyncable = has(BACKUP_ELIGIBLE)
  if (has(BACKED_UP) && !isSyncable) throw unsuitable('backup flags')
  const isRoaming = authenticatorAttachment === 'cross-platform'
  return { credentialId, isSyncable, reach: has(BACKED_UP) ? 'synced' : isRoaming ? 'roaming' : 'this-device' }
}

/** The input of the PRF. Browsers hash it with a prefix, so that no site can evaluate the bare one. */
async function prfOf({ name }: EnvelopeContext): Promise<AuthenticationExtensionsPRFInputs> {
  return { eval: { first: await sha256(utf8(`${PROFILE}/prf\0${name}`)) } }
}

const CODES: Readonly<Record<string, LatchkeyErrorCode>> = {
  NotAllowedError: 'PASSKEY_CANCELLED',
  AbortError: 'PASSKEY_CANCELLED',
  InvalidStateError: 'PASSKEY_EXISTS',
}

async function attempt(
  signal: AbortSignal | undefined,
  ceremony: () => Promise<Credential | null>,
): Promise<PublicKeyCredential> {
  try {
    signal?.throwIfAborted()
    const found = await ceremony()
    if (found?.type === 'public-key') return found as PublicKeyCredential
  } catch (cause) {
    // A signal may have any reason.
    const code = signal?.aborted ? 'PASSKEY_CANCELLED' : CODES[(cause as Error)?.name]
    throw new LatchkeyError(code ?? 'PASSKEY_UNAVAILABLE', undefined, cause)
  }
  throw new LatchkeyError('PASSKEY_UNAVAILABLE')
}

/** Not every browser can. The passkey then stays, and does nothing. */
async function forget(rpId: string, credentialId: string): Promise<void> {
  await Promise.resolve(PublicKeyCredential.signalUnknownCredential?.({ rpId, credentialId })).catch(() => {})
}

function unsuitable(detail: string): LatchkeyError {
  return new LatchkeyError('PASSKEY_UNSUITABLE', detail)
}

function descriptorOf(credentialId: string): PublicKeyCredentialDescriptor {
  return { type: 'public-key', id: decodeBase64url(credentialId) }
}

function randomChallenge(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(32))
}
