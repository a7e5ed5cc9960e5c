import { auth, authClient } from './auth-client.ts'

export async function signUp(email: string, password: string): Promise<string> {
  const { outcome } = await auth.upgrade(() => authClient.signUp.email({ email, password, name: email }))
  if (outcome === 'pending') return 'Check your mailbox.'
  if (outcome === 'conflict' || outcome === 'taken') return 'The data of this device is not in this account.'
  return outcome === 'failed' ? 'Please try again.' : 'Welcome!'
}
