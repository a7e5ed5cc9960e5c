import { authClient } from './auth-client.ts'

export async function signUp(email: string, password: string): Promise<string> {
  const { error } = await authClient.signUp.email({ email, password, name: email })
  return error ? 'Please try again.' : 'Welcome!'
}
