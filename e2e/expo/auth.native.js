// As docs/expo.md has it.
import { expoClient } from '@better-auth/expo/client'
import { createAuthClient } from 'better-auth/react'
import { getRandomValues } from 'expo-crypto'
import * as FileSystem from 'expo-file-system'
import * as Network from 'expo-network'
import * as SecureStore from 'expo-secure-store'
import * as WebBrowser from 'expo-web-browser'
import { createExpoAuth, latchkeyExpoClient } from 'latchkey/expo'
import { AppState } from 'react-native'

export const authClient = createAuthClient({
  baseURL: 'https://notes.example',
  plugins: [
    expoClient({ scheme: 'notes', storage: SecureStore, storagePrefix: 'notes' }),
    latchkeyExpoClient({ WebBrowser }),
  ],
})

export const auth = createExpoAuth({
  authClient,
  SecureStore,
  FileSystem,
  AppState,
  Network,
  getRandomValues,
  audience: 'https://notes.example',
})
