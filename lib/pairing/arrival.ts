import { LatchkeyError } from '../errors.ts'
import { encodeBase64url } from '../identity/encoding.ts'
import { openDeviceKey } from '../identity/device-key.ts'
import { createSecret, parseSecret } from '../identity/secret.ts'
import type { UpgradeResult } from '../client/auth.ts'
import { listKept } from '../kept-identities.ts'
import type { Session } from '../machine/state.ts'
import { mintProof } from '../tokens/prove.ts'
import type { GrantedAccount, Grants, ProvePair } from './grants.ts'
import { type Greet, type Talk, ending } from './meeting.ts'
import { type PairingAnswer, type PairingMode, readGift, readHello } from './messages.ts'
import type { PairableAuth } from './pairable-auth.ts'

/** A pairing on the new device. */
export interface Arrival {
  /** The name that the other device gives itself. It is not verified. */
  readonly name: string
  readonly mode: PairingMode
  /** Four digits to show: the user types them on the other device. */
  readonly checkCode: string
  /**
   * Waits until the user has approved this device on the other one, and returns what this device would get. Nothing is
   * stored.
   *
   * @throws {LatchkeyError} `RENDEZVOUS_ENDED`: refused there, or expired; `RENDEZVOUS_CONTESTED`: a second device has
   *   used the code: warn the user; `PAIRING_FAILED`, `GRANT_INVALID`, `OFFLINE`, `KEYSTORE_*`
   */
  offer(): Promise<PairingOffer>
  /** Ends the pairing. */
  cancel(): Promise<void>
}

/** What this device would get by pairing. Show it, and let the user confirm it. */
export type PairingOffer = IdentityOffer | AccountOffer

interface Offer {
  /** The other device's name for the identity; may be empty. */
  readonly label: string
  /**
   * Refuses, and tells the other device. Does nothing after `accept`, unless that rejects. If the `accept` of an
   * account resolved to `failed`, the server has made the session: instead, call `accept` again, or end the session
   * with your provider's own sign-out, or on the other device.
   */
  refuse(): Promise<void>
}

/** The identity of the other device. */
export interface IdentityOffer extends Offer {
  readonly mode: 'secret'
  readonly principal: string
  /** True if this device has the identity, current or not. */
  readonly knownHere: boolean
  /** The current principal that would be replaced; null if there is none, or if it is the same. */
  readonly replaces: string | null
  /**
   * Makes the identity current, after the user has confirmed it and said that the other device shows success. On any
   * failure everything stays as it was.
   *
   * @throws {LatchkeyError} `RENDEZVOUS_CONTESTED`: a second device has used the code, and nothing is stored;
   *   `IDENTITY_CHANGED`: another identity is current, or no longer the one in the offer; `UPGRADE_IN_PROGRESS`,
   *   `OFFLINE`, `RENDEZVOUS_ENDED`, `KEYSTORE_*`
   */
  accept(options?: AcceptOptions): Promise<Session>
}

/** A session of the other device's account. The account's details come from the server. */
export interface AccountOffer extends Offer, GrantedAccount {
  readonly mode: 'account'
  /**
   * Signs in to the account, after the user has confirmed it and said that the other device shows success. This
   * device's identity is treated as by `auth.upgrade`: `switched`, or a `conflict` if it has data. If it `failed`, such
   * as with `OFFLINE`, call it again; with `SESSION_NOT_KEPT`, the browser blocks the server's cookie.
   *
   * @throws {LatchkeyError} `RENDEZVOUS_CONTESTED`: a second device has used the code, and there is no session;
   *   `IDENTITY_CHANGED`: this device has an account by now; `UPGRADE_IN_PROGRESS`, `CONFLICT`, `GRANT_INVALID`,
   *   `OFFLINE`, `RENDEZVOUS_ENDED`
   */
  accept(): Promise<UpgradeResult>
}

/** Options of `accept`. */
export interface AcceptOptions {
  /**
   * Replaces the identity in `replaces`: it is set aside, or deleted if it has no data, as
   * `describeLocal` says, and no backup. By default
   * `accept` rejects if there is one.
   */
  readonly replace?: boolean
}

/** The new device. */
export interface Newcomer {
  readonly auth: PairableAuth
  readonly deviceName: string
  /** Base URL of the server: `aud` of its proofs. */
  readonly server: string
  readonly grants: Grants
}

/**
 * Makes sure that this device can receive an identity, before any is sent to it: its store can be read and is not known
 * to be full, and no account is current or about to be.
 *
 * @throws {LatchkeyError} `CONFLICT`, `IDENTITY_CHANGED`, `UPGRADE_IN_PROGRESS`, `KEYSTORE_*`
 */
export async function checkReady(auth: PairableAuth): Promise<void> {
  await listKept(auth)
  // A full one can be read.
  const { problem } = auth.getState().storage
  if (problem === 'KEYSTORE_FULL') throw new LatchkeyError(problem)
  checkNew(auth)
}

/**
 * Makes sure that no account is current on this device, or about to be.
 *
 * @throws {LatchkeyError} `CONFLICT`, `IDENTITY_CHANGED`, `UPGRADE_IN_PROGRESS`
 */
function checkNew(auth: PairableAuth): void {
  const { authMode, phase } = auth.getState()
  if (phase === 'conflict') throw new LatchkeyError('CONFLICT', 'resolve it first')
  if (authMode === 'external') throw new LatchkeyError('IDENTITY_CHANGED', 'an account is current: sign out first')
  if (phase === 'upgrading' || phase === 'signing-out') throw new LatchkeyError('UPGRADE_IN_PROGRESS')
}

/** Greets the device that has the identity. */
export async function arrivalOf(greet: Greet, newcomer: Newcomer): Promise<Arrival> {
  const random = encodeBase64url(crypto.getRandomValues(new Uint8Array(32)))
  const key = await openDeviceKey(createSecret())
  const { thumbprint } = key
  const meeting = await greet({ name: newcomer.deviceName, random, thumbprint })
  const other = await ending(meeting, async () => readHello(meeting.hello, false))
  const mode = other.mode!
  const prove: ProvePair = (nonce) =>
    mintProof(key, { audience: newcomer.server, now: meeting.now() / 1000, purpose: 'pair', pairTo: thumbprint, nonce })
  const receive = async (): Promise<PairingOffer> => {
    const gift = readGift(await meeting.receive(3), mode)
    return 'secret' in gift
      ? identityOffer(meeting, newcomer, gift)
      : accountOffer(meeting, newcomer, { ...gift, thumbprint, prove })
  }
  let offer: Promise<PairingOffer> | undefined
  return {
    name: other.name,
    mode,
    checkCode: meeting.checkCode,
    offer: () => (offer ??= ending(meeting, receive)),
    cancel: () => meeting.end(),
  }
}

/** If it does not arrive, the other device learns nothing of what the user decided; nothing else depends on it. */
function answer(talk: Talk, given: PairingAnswer): Promise<void> {
  return talk.send(4, { answer: given }).then(talk.leave, () => {})
}

interface Decision<Options extends unknown[], Accepted> {
  accept(...options: Options): Promise<Accepted>
  refuse(): Promise<void>
}

/** The user decides once: a second click while `accept` is at work has the result of the first. */
function decisionOf<Options extends unknown[], Accepted>(
  talk: Talk,
  accept: (...options: Options) => Promise<Accepted>,
): Decision<Options, Accepted> {
  let accepting: Promise<Accepted> | undefined
  let refusing: Promise<void> | undefined
  const tell = (): Promise<void> => answer(talk, 'refused')
  return {
    async accept(...options) {
      if (refusing && !accepting) throw new LatchkeyError('RENDEZVOUS_ENDED', 'the offer was refused')
      return (accepting ??= accept(...options).finally(() => (accepting = undefined)))
    },
    refuse: () => (refusing ??= accepting ? accepting.then(() => {}, tell) : tell()),
  }
}

async function identityOffer(
  talk: Talk,
  { auth }: Newcomer,
  { secret, label }: { readonly secret: string; readonly label: string },
): Promise<IdentityOffer> {
  const { principal } = await openDeviceKey(parseSecret(secret))
  const kept = await listKept(auth, { withCurrent: true })
  const { session } = auth.getState()
  const replaces = session && session.principal !== principal ? session.principal : null
  let accepted: Session | undefined
  const accept = async ({ replace = false }: AcceptOptions = {}): Promise<Session> => {
    if (accepted) return accepted
    // Another device with the code may have sent the offer: then both devices learn of it.
    await talk.checkAlone()
    // An app may close its dialog, and so end the pairing, as soon as the identity is current.
    return talk.finish(async () => {
      accepted = await auth.importSecret(secret, { replace: replace && (replaces ?? false), forgetEmpty: true })
      await answer(talk, 'done')
      return accepted
    })
  }
  return Object.freeze<IdentityOffer>({
    mode: 'secret',
    principal,
    label,
    knownHere: kept.some((identity) => identity.principal === principal),
    replaces,
    ...decisionOf(talk, accept),
  })
}

async function accountOffer(
  talk: Talk,
  { auth, grants }: Newcomer,
  gift: { readonly grant: string; readonly label: string; readonly thumbprint: string; readonly prove: ProvePair },
): Promise<AccountOffer> {
  const { grant, label, thumbprint, prove } = gift
  const account = await grants.inspect(grant, thumbprint, prove)
  let isRedeemed = false
  const accept = async (): Promise<UpgradeResult> => {
    // A session of this account must not take the place of one that the user got meanwhile.
    checkNew(auth)
    if (!isRedeemed) {
      await talk.checkAlone()
      await talk.finish(async () => {
        await grants.redeem(grant, thumbprint, prove)
        isRedeemed = true
        await answer(talk, 'done')
      })
    }
    return takeAccount(auth, account)
  }
  return Object.freeze<AccountOffer>({
    mode: 'account',
    label,
    ...account,
    ...decisionOf(talk, accept),
  })
}

/** Continues with the account that the user has confirmed, and with no other one. */
async function takeAccount(auth: PairableAuth, { accountId }: GrantedAccount): Promise<UpgradeResult> {
  const shown = (): string | undefined => auth.getState().upgrade?.account?.accountId
  // The first call only looks, unless the account is this device's already.
  const looked = shown() === accountId ? null : await auth.acceptAccount()
  const isLeft = looked?.outcome === 'pending' || (looked?.outcome === 'failed' && shown() !== undefined)
  // The grant was used: the server has made a session.
  if (looked?.outcome === 'failed' && !isLeft && looked.error.code === 'SESSION_MISSING')
    return { ...looked, error: new LatchkeyError('SESSION_NOT_KEPT', undefined, looked.error) }
  if (looked && !isLeft) return looked
  if (shown() !== accountId) throw new LatchkeyError('IDENTITY_CHANGED', 'another account is signed in by now')
  return auth.acceptAccount()
}
