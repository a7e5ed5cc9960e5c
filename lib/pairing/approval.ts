import { LatchkeyError } from '../errors.ts'
import { encodeBase64url } from '../identity/encoding.ts'
import { openDeviceKey } from '../identity/device-key.ts'
import { parseSecret } from '../identity/secret.ts'
import type { Grants, ProvePair } from './grants.ts'
import { type Greet, ending } from './meeting.ts'
import { type Gift, type PairingAnswer, type PairingMode, readAnswer, readHello } from './messages.ts'
import type { PairableAuth } from './pairable-auth.ts'

/** A new device that waits for approval, as seen on the device that has the identity. */
export interface Approval {
  /** The name that the new device gives itself. It is not verified. */
  readonly name: string
  /** What the new device gets. `secret`: this device's identity itself. `account`: a session of the account. */
  readonly mode: PairingMode
  /** Number of attempts that remain for the check code. */
  readonly triesLeft: number
  /**
   * Checks the four digits that the user reads on the new device and types here.
   *
   * @throws {LatchkeyError} `PAIRING_CHECK_WRONG`: the third one ends the pairing; `RENDEZVOUS_ENDED`
   */
  check(typed: string): Promise<void>
  /**
   * Approves the device, after the app explained what that means and the user agreed. Resolves once the user has also
   * decided on the new device.
   *
   * @returns `done`: also if the other device has used the grant but answers something else, or nothing. `refused`: in
   *   mode `account`, it got no session. In mode `secret`, it has received the secret, and only says that it did not
   *   store it
   * @throws {LatchkeyError} `RENDEZVOUS_CONTESTED`: a second device has used the code. Nothing was handed over, or only
   *   to the device whose check code was typed; `SESSION_NOT_FRESH`: sign in again and start over; `SESSION_PAIRED`,
   *   `GRANT_FORBIDDEN`: this device may not approve others; `IDENTITY_CHANGED`, `RENDEZVOUS_ENDED`,
   *   `PAIRING_FAILED`, `KEYSTORE_*`; `OFFLINE`, `SESSION_MISSING`: also if the server does not say whether a device
   *   that refused has used the grant
   * @throws {TypeError} the right check code was not typed yet
   */
  approve(): Promise<PairingAnswer>
  /**
   * Ends the pairing, and withdraws what `approve` has sent, if that is still possible. Never rejects.
   *
   * @returns true if the other device gets nothing. False: it has got the identity, or may have: look at the devices of
   *   the account, and revoke it
   */
  cancel(): Promise<boolean>
}

/** The device that gives, and what it gives. */
export interface Giver {
  readonly auth: PairableAuth
  readonly deviceName: string
  readonly label: string
  readonly mode: PairingMode
  /** The principal that was current when the user began. */
  readonly principal: string
  readonly grants: Grants
}

const MAX_TRIES = 3

/** Greets the new device. */
export async function approvalOf(greet: Greet, giver: Giver): Promise<Approval> {
  const { deviceName: name, mode } = giver
  const random = encodeBase64url(crypto.getRandomValues(new Uint8Array(32)))
  const meeting = await greet({ name, random, mode })
  const other = await ending(meeting, async () => readHello(meeting.hello, true))
  let triesLeft = MAX_TRIES
  let isChecked = false
  let approving: Promise<PairingAnswer> | undefined

  let given: Gift | undefined
  let withdrawing: Promise<boolean> | undefined
  const withdraw = async (): Promise<boolean> => {
    if (!given) return true
    return 'grant' in given && (withdrawing ??= giver.grants.withdraw(given.grant))
  }

  async function give(): Promise<PairingAnswer> {
    await meeting.checkAlone()
    given = await giftOf(giver, other.thumbprint!)
    await meeting.send(3, given)
    return readAnswer(await meeting.receive(4))
  }

  async function approve(): Promise<PairingAnswer> {
    const giving = give()
    const answer = await giving.catch(() => {})
    await meeting.end()
    if (answer === 'done' || mode === 'secret') return giving
    // Whatever the other device says, it may have used the grant. If not, it must not use it later.
    const isWithdrawn = await withdraw().catch((error: unknown) => giving.then(() => Promise.reject(error)))
    return isWithdrawn ? giving : 'done'
  }

  return {
    name: other.name,
    mode,
    get triesLeft() {
      return triesLeft
    },
    async check(typed) {
      if (triesLeft === 0) throw new LatchkeyError('RENDEZVOUS_ENDED')
      isChecked = typed.replace(/\s/g, '') === meeting.checkCode
      if (isChecked) return
      triesLeft--
      if (triesLeft === 0) await meeting.end()
      throw new LatchkeyError('PAIRING_CHECK_WRONG')
    },
    async approve() {
      if (!isChecked) throw new TypeError('approve: the check code was not typed yet')
      return (approving ??= approve())
    },
    async cancel() {
      await meeting.end()
      return withdraw().catch(() => false)
    },
  }
}

/** @throws {LatchkeyError} `IDENTITY_CHANGED`: another identity is current than when the user began */
async function giftOf({ auth, label, principal, mode, grants }: Giver, thumbprint: string): Promise<Gift> {
  const { session } = auth.getState()
  if (session?.principal !== principal || (session.authMode === 'external') !== (mode === 'account')) throw changed()
  if (mode === 'account') {
    const prove: ProvePair = (nonce) => auth.provePairing({ thumbprint, ...(nonce !== undefined && { nonce }) })
    return { grant: await grants.give(thumbprint, prove), label }
  }
  const secret = await auth.exportSecret({ principal })
  if ((await openDeviceKey(parseSecret(secret))).principal !== principal) throw changed()
  return { secret, label }
}

function changed(): LatchkeyError {
  return new LatchkeyError('IDENTITY_CHANGED')
}
