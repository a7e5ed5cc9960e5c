export { createExpoAuth } from './create-expo-auth.ts'
export type { ExpoAuthOptions } from './create-expo-auth.ts'
export { latchkeyExpoClient } from './client-plugin.ts'
export type {
  LatchkeyExpoAuthClient,
  LatchkeyExpoClientOptions,
  LatchkeyExpoClientPlugin,
  LatchkeyExpoConnection,
} from './client-plugin.ts'
export { secureStore } from './secure-store.ts'
export type { OnReinstall, SecureStoreItemOptions, SecureStoreModule, SecureStoreOptions } from './secure-store.ts'
export type { AuthSessionResult, WebBrowserModule } from './auth-session.ts'
export type { GetRandomValues } from './engine.ts'
export type { FileSystemModule, MarkFile } from './install-marks.ts'
export type { AppStateModule, NativeSubscription, NetworkModule, NetworkState } from './native-events.ts'
