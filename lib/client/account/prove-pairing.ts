import { LatchkeyError } from '../../errors.ts'
import { openDeviceKey } from '../../identity/device-key.ts'
import { createSecret } from '../../identity/secret.ts'
import { currentAccount, deviceOf } from '../../keystore/entries.ts'
import type { ProvePairingOptions } from '../auth.ts'
import { openEntry } from '../device/identity.ts'
import { accountOf } from '../shared/bounded-account.ts'
import { checkGiven } from '../shared/check-given.ts'
import type { Context } from '../shared/context.ts'
import { proofFor } from '../shared/proof.ts'
import { timeOf } from '../shared/server-time.ts'

/**
 * Signs the proof that lets another device into the current account, with the key that signed the sign-in. A session
 * that no key signed for is proven by any key.
 */
export async function provePairing(context: Context, given: ProvePairingOptions): Promise<string> {
  checkGiven(given, { thumbprint: 'string', nonce: 'string' })
  const { thumbprint, nonce } = given
  await context.read()
  const current = currentAccount(context.keyring())
  const account = accountOf(context)
  if (!current || !account) throw new LatchkeyError('IDENTITY_UNKNOWN', 'no account is current')
  const found = await account.getSession({ peek: true })
  if (found?.accountId !== current.accountId) throw new LatchkeyError('SESSION_MISSING')
  const entry = deviceOf(context.keyring(), found.provenBy ?? undefined)
  const { options } = context
  const key = entry ? await openEntry(entry, options) : await openDeviceKey(createSecret(), options.crypto)
  // The caller sends the proof: a refusal because of its times does not come here.
  const time = await timeOf(account, context.now())
  return proofFor({ now: () => time }, key, account, { purpose: 'pair', pairTo: thumbprint, nonce })
}
