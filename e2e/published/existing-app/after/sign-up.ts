import { auth, authClient } from './auth-client.ts'

export async function signUp(email: string, password: string): Promise<string> {
  const { outcome } = await auth.upgrade(() => authClient.signUp.email({ email, password, name: email }))
  return outcome === 'failed' ? 'Please try again.' : 'Welcome!'
}
