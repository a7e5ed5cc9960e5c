import { LatchkeyError } from '../errors.ts'
import { encodeBase64url } from '../identity/base64url.ts'
import { openDeviceKey } from '../identity/device-key.ts'
import { createSecret, parseSecret } from '../identity/secret.ts'
import type { Session } from '../machine/state.ts'
import { type Meeting, ending } from './meeting.ts'
import { type PairingMode, readGift, readHello } from './messages.ts'
import type { PairableAuth } from './pairable-auth.ts'

/** A pairing on the new device. */
export interface Arrival {
  /** What the other device calls itself. Nobody has checked it. */
  readonly name: string
  readonly mode: PairingMode
  /** Four digits to show: the user types them on the other device. */
  readonly checkCode: string
  /**
   * Waits until the user has let this device in on the other one, and says what it would get. Nothing is stored.
   *
   * @throws {LatchkeyError} `RENDEZVOUS_ENDED`: refused there, or expired; `RENDEZVOUS_CONTESTED`: a second device has used
   *   the code: warn the user; `PAIRING_FAILED`
   */
  offer(): Promise<PairingOffer>
  /** Ends the pairing. */
  cancel(): Promise<void>
}

/** The identity that a pairing would bring. Show it, and let the user confirm it. */
export interface PairingOffer {
  readonly principal: string
  /** The other device's name for the identity; may be empty. */
  readonly label: string
  /** True if this device has the identity, current or not. */
  readonly knownHere: boolean
  /** The principal that is current now and would no longer be; null if there is none, or the same. */
  readonly replaces: string | null
  /**
   * Makes the identity current, after the user has confirmed it and said that the other device shows success. On any
   * failure everything stays as it was.
   *
   * @throws {LatchkeyError} `RENDEZVOUS_CONTESTED`: a second device has used the code, and nothing is stored;
   *   `IDENTITY_CHANGED`: another identity is current, or no longer the one in the offer; `UPGRADE_IN_PROGRESS`, `OFFLINE`,
   *   `RENDEZVOUS_ENDED`, `KEYSTORE_*`
   */
  accept(options?: AcceptOptions): Promise<Session>
  /** Refuses, and tells the other device. */
  refuse(): Promise<void>
}

/** Options of `accept`. */
export interface AcceptOptions {
  /**
   * Replaces the identity in `replaces`: it is set aside, or deleted if it has no data. Otherwise the offer is refused if
   * there is one.
   */
  readonly replace?: boolean
}

/** Who arrives. */
export interface Newcomer {
  readonly auth: PairableAuth
  readonly deviceName: string
}

/** Greets the device that has the identity. */
export async function arrivalOf(meeting: Meeting, { auth, deviceName: name }: Newcomer): Promise<Arrival> {
  const random = encodeBase64url(crypto.getRandomValues(new Uint8Array(32)))
  const { thumbprint } = await openDeviceKey(createSecret())
  const { hello, checkCode } = await meeting.greet({ name, random, thumbprint })
  const other = await ending(meeting.conversation, async () => readHello(hello, false))
  const mode = other.mode!
  let offer: Promise<PairingOffer> | undefined
  return {
    name: other.name,
    mode,
    checkCode,
    offer: () => (offer ??= ending(meeting.conversation, () => receiveOffer(meeting, auth, mode))),
    cancel: () => meeting.conversation.end(),
  }
}

async function receiveOffer(meeting: Meeting, auth: PairableAuth, mode: PairingMode): Promise<PairingOffer> {
  const gift = readGift(await meeting.receive(3), mode)
  if (!('secret' in gift)) throw new LatchkeyError('PAIRING_FAILED')
  const { secret, label } = gift
  const { principal } = await openDeviceKey(parseSecret(secret))
  const kept = await auth.listIdentities({ withCurrent: true })
  const { session } = auth.getState()
  const replaces = session && session.principal !== principal ? session.principal : null
  const answer = (given: 'done' | 'refused'): Promise<void> => meeting.send(4, { answer: given }).catch(() => {})
  return Object.freeze<PairingOffer>({
    principal,
    label,
    knownHere: kept.some((identity) => identity.principal === principal),
    replaces,
    async accept({ replace = false } = {}) {
      // Another device with the code may have sent the offer: then both devices learn of it.
      await meeting.conversation.checkAlone()
      const accepted = await auth.importSecret(secret, { replace: replace && (replaces ?? false), forgetEmpty: true })
      await answer('done')
      return accepted
    },
    refuse: () => answer('refused'),
  })
}
