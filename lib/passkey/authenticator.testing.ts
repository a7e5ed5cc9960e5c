import { createHash, createHmac, randomBytes } from 'node:crypto'
import { vi } from 'vitest'

/** How a faked authenticator behaves. */
export interface Behaviour {
  readonly attachment: 'platform' | 'cross-platform' | null
  readonly isEligible: boolean
  readonly isSynced: boolean
  /** `hidden`: like Windows Hello, it says that it has a PRF only if it is asked to evaluate it at once. */
  readonly prf: 'both' | 'get-only' | 'hidden' | 'none'
  readonly isVerified: boolean
  /** The host whose hash is in the authenticator data. Defaults to the relying party; null: the data is empty. */
  readonly signedFor?: string | null
  /** Changes the evaluated bytes. */
  readonly evaluate: (bytes: ArrayBuffer) => unknown
  /** The error of the browser, thrown instead of an answer. */
  readonly failure?: string
}

/** A passkey in a faked authenticator. */
export interface FakeCredential {
  readonly id: Buffer
  readonly rpId: string
  readonly userHandle: Buffer
  readonly key: Buffer
}

/** A faked authenticator, and what its pages asked of it. */
export interface FakeAuthenticator {
  behaviour: Behaviour
  readonly credentials: FakeCredential[]
  readonly created: PublicKeyCredentialCreationOptions[]
  readonly asked: PublicKeyCredentialRequestOptions[]
  /** Evaluated bytes that were handed out. */
  readonly evaluated: ArrayBuffer[]
  /** Credentials that were reported as unknown: deleted for good. */
  readonly signalled: string[]
  /** The passkey that the user chooses; the last one by default. */
  choice: number
}

const SYNCED: Behaviour = {
  attachment: 'platform',
  isEligible: true,
  isSynced: true,
  prf: 'both',
  isVerified: true,
  evaluate: (bytes) => bytes,
}

/** Puts a faked authenticator behind `navigator.credentials`, in a page of `notes.example`. */
export function fakeAuthenticator(behaviour: Partial<Behaviour> = {}): FakeAuthenticator {
  const fake: FakeAuthenticator = {
    behaviour: { ...SYNCED, ...behaviour },
    credentials: [],
    created: [],
    asked: [],
    evaluated: [],
    signalled: [],
    choice: -1,
  }
  const credentials = {
    create: async ({ publicKey }: { publicKey: PublicKeyCredentialCreationOptions }) => create(fake, publicKey),
    get: async ({ publicKey }: { publicKey: PublicKeyCredentialRequestOptions }) => get(fake, publicKey),
  }
  // The rest of the browser stays as it is.
  const navigator: object = Object.create(globalThis.navigator ?? null)
  vi.stubGlobal('navigator', Object.assign(navigator, { credentials }))
  vi.stubGlobal('location', { hostname: 'notes.example', origin: 'https://notes.example' })
  vi.stubGlobal('PublicKeyCredential', {
    signalUnknownCredential: async ({ credentialId }: { credentialId: string }) => {
      fake.signalled.push(credentialId)
    },
  })
  return fake
}

function create(fake: FakeAuthenticator, options: PublicKeyCredentialCreationOptions): unknown {
  fake.created.push(options)
  const { prf, failure } = fake.behaviour
  if (failure) throw new DOMException('', failure)
  const excluded = options.excludeCredentials?.map(({ id }) => bytesOf(id).toString('hex')) ?? []
  if (fake.credentials.some(({ id }) => excluded.includes(id.toString('hex'))))
    throw new DOMException('', 'InvalidStateError')
  const userHandle = bytesOf(options.user.id)
  const credential = { id: randomBytes(16), rpId: options.rp.id!, userHandle, key: randomBytes(32) }
  // CTAP 2.1, section 6.1.2: a passkey with an equal user handle is overwritten.
  const equal = fake.credentials.findIndex((other) => other.userHandle.equals(userHandle))
  if (equal >= 0) fake.credentials.splice(equal, 1)
  fake.credentials.push(credential)
  const first = options.extensions?.prf?.eval?.first
  const enabled = prf === 'hidden' ? first !== undefined : prf !== 'none'
  const results = prf === 'both' && first && { first: evaluate(fake, credential, first) }
  return answerOf(fake, credential, { enabled, ...(results && { results }) })
}

function get(fake: FakeAuthenticator, options: PublicKeyCredentialRequestOptions): unknown {
  fake.asked.push(options)
  if (fake.behaviour.failure) throw new DOMException('', fake.behaviour.failure)
  const allowed = options.allowCredentials?.map(({ id }) => bytesOf(id).toString('hex')) ?? []
  const found = fake.credentials.filter(
    ({ id, rpId }) => rpId === options.rpId && (allowed.length === 0 || allowed.includes(id.toString('hex'))),
  )
  const credential = found.at(fake.choice) ?? found.at(-1)
  if (!credential) throw new DOMException('', 'NotAllowedError')
  const first = options.extensions?.prf?.eval?.first
  const hasPrf = fake.behaviour.prf !== 'none' && first
  return answerOf(fake, credential, hasPrf ? { results: { first: evaluate(fake, credential, first) } } : undefined)
}

function evaluate(fake: FakeAuthenticator, { key }: FakeCredential, input: BufferSource): unknown {
  const bytes = new Uint8Array(createHmac('sha256', key).update(bytesOf(input)).digest()).buffer
  fake.evaluated.push(bytes)
  return fake.behaviour.evaluate(bytes)
}

function answerOf({ behaviour }: FakeAuthenticator, { id, rpId, userHandle }: FakeCredential, prf: unknown): unknown {
  const { attachment, isEligible, isSynced, isVerified, signedFor = rpId } = behaviour
  const flags = 0x01 | (isVerified ? 0x04 : 0) | (isEligible ? 0x08 : 0) | (isSynced ? 0x10 : 0)
  const hash = createHash('sha256')
    .update(signedFor ?? '')
    .digest()
  const data = signedFor === null ? Buffer.alloc(0) : Buffer.concat([hash, Buffer.of(flags), Buffer.alloc(4)])
  return {
    type: 'public-key',
    rawId: bufferOf(id),
    authenticatorAttachment: attachment,
    response: { authenticatorData: bufferOf(data), userHandle: bufferOf(userHandle) },
    getClientExtensionResults: () => (prf === undefined ? {} : { prf }),
  }
}

function bytesOf(source: BufferSource): Buffer {
  return ArrayBuffer.isView(source)
    ? Buffer.from(source.buffer, source.byteOffset, source.byteLength)
    : Buffer.from(source)
}

function bufferOf(bytes: Buffer): ArrayBuffer {
  return new Uint8Array(bytes).buffer
}
