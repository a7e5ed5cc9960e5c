import { useAuth, useBackups, useUpgrade } from 'latchkey/react'
import { useState } from 'react'
import { Button, Text, TextInput, View } from 'react-native'
import { auth, authClient } from './auth'

export function App() {
  const principal = useAuth(auth, ({ session }) => session?.principal)
  const { phase, run, isBusy, failure } = useUpgrade(auth)
  const { advice } = useBackups(auth)
  const [email, setEmail] = useState('')
  const [password, setPassword] = useState('')
  const signUp = () => run(() => authClient.signUp.email({ email, password, name: email }))
  return (
    <View>
      <Text>{principal ?? 'no identity yet'}</Text>
      <Text>{`${phase} ${advice} ${failure ?? ''}`}</Text>
      <TextInput value={email} onChangeText={setEmail} />
      <TextInput value={password} onChangeText={setPassword} secureTextEntry />
      <Button title="Sign up" disabled={isBusy} onPress={signUp} />
    </View>
  )
}
