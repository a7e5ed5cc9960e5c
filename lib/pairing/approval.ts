import { LatchkeyError } from '../errors.ts'
import { encodeBase64url } from '../identity/base64url.ts'
import { openDeviceKey } from '../identity/device-key.ts'
import { parseSecret } from '../identity/secret.ts'
import { type Meeting, ending } from './meeting.ts'
import { type Gift, type PairingAnswer, type PairingMode, readAnswer, readHello } from './messages.ts'
import type { PairableAuth } from './pairable-auth.ts'

/** A new device that asks to be let in, on the device that has the identity. */
export interface Approval {
  /** What the new device calls itself. Nobody has checked it. */
  readonly name: string
  /** What it gets: `secret`, this device's identity itself; `account`, a session of the account. */
  readonly mode: PairingMode
  /** How often a wrong check code may still be typed. */
  readonly triesLeft: number
  /**
   * Compares the four digits that the user reads on the new device and types here.
   *
   * @throws {LatchkeyError} `PAIRING_CHECK_WRONG`; the third time the pairing has ended. `RENDEZVOUS_ENDED`
   */
  check(typed: string): Promise<void>
  /**
   * Lets the device in, after the app said what that means and the user agreed. Resolves once the user has decided on
   * the new device, too.
   *
   * @throws {LatchkeyError} `RENDEZVOUS_CONTESTED`: a second device has used the code, and nothing was given;
   *   `IDENTITY_CHANGED`, `RENDEZVOUS_ENDED`, `PAIRING_FAILED`, `OFFLINE`, `KEYSTORE_*`
   * @throws {TypeError} the check code was not typed yet
   */
  approve(): Promise<PairingAnswer>
  /** Ends the pairing. Nothing is given. */
  cancel(): Promise<void>
}

/** Who gives, and what. */
export interface Giver {
  readonly auth: PairableAuth
  readonly deviceName: string
  readonly label: string
  readonly mode: PairingMode
  /** The principal that was current when the user began. */
  readonly principal: string
}

const TRIES = 3

/** Greets the new device. */
export async function approvalOf(meeting: Meeting, giver: Giver): Promise<Approval> {
  const { deviceName: name, mode } = giver
  const random = encodeBase64url(crypto.getRandomValues(new Uint8Array(32)))
  const { hello, checkCode } = await meeting.greet({ name, random, mode })
  const { conversation } = meeting
  const other = await ending(meeting.conversation, async () => readHello(hello, true))
  let triesLeft = TRIES
  let isChecked = false
  let approving: Promise<PairingAnswer> | undefined

  const approve = (): Promise<PairingAnswer> =>
    ending(meeting.conversation, async () => {
      await meeting.send(3, await giftOf(giver))
      return readAnswer(await meeting.receive(4))
    }).finally(() => conversation.end())

  return {
    name: other.name,
    mode,
    get triesLeft() {
      return triesLeft
    },
    async check(typed) {
      if (triesLeft === 0) throw new LatchkeyError('RENDEZVOUS_ENDED')
      isChecked = typed.replace(/\s/g, '') === checkCode
      if (isChecked) return
      triesLeft--
      if (triesLeft === 0) await conversation.end()
      throw new LatchkeyError('PAIRING_CHECK_WRONG')
    },
    async approve() {
      if (!isChecked) throw new TypeError('approve: the check code was not typed yet')
      return (approving ??= approve())
    },
    cancel: () => conversation.end(),
  }
}

/** @throws {LatchkeyError} `IDENTITY_CHANGED`: another identity is current than when the user began */
async function giftOf({ auth, label, principal, mode }: Giver): Promise<Gift> {
  const { session } = auth.getState()
  const isSame = session?.principal === principal && (session.authMode === 'external') === (mode === 'account')
  const secret = await auth.exportSecret()
  if (!isSame || (await openDeviceKey(parseSecret(secret))).principal !== principal)
    throw new LatchkeyError('IDENTITY_CHANGED')
  return { secret, label }
}
