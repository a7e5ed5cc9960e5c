import { auth } from '{{latchkey}}'
import { authClient } from '{{client}}'

/** Signs up, and returns what to tell the user. The identity of this device, and its data, become the account's. */
export async function signUp(email: string, password: string): Promise<string> {
  const result = await auth.upgrade(() => authClient.signUp.email({ email, password, name: email }))
  switch (result.outcome) {
    case 'upgraded':
    case 'switched':
    case 'adopted':
      return 'Welcome!'
    case 'pending':
      // Ask before `auth.acceptAccount()`, or `auth.cancelUpgrade()`.
      if (result.account) return `Continue as ${result.account.identifiers.join(', ') || 'this account'}?`
      return 'Check your mailbox.'
    case 'conflict':
      // Ask before `auth.resolveConflict('adopt')` or `('switch')`, or `auth.cancelUpgrade()`.
      return 'This device and the account both hold data. Keep both?'
    case 'taken':
      // Signed in to an account that cannot have this data: the next `upgrade` is refused until that session has ended.
      if (result.conflict) await auth.cancelUpgrade()
      return 'The data of this device belongs to another account. Sign in to that one.'
    case 'failed':
      return result.error.code === 'OFFLINE' ? 'You are offline.' : 'That did not work. Nothing has changed.'
  }
}
