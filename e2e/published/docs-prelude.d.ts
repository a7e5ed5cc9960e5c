// What the code blocks of the docs find around them.
declare const auth: import('latchkey').Auth
declare const authClient: typeof import('./existing-app/after/auth-client.ts').authClient
declare const betterAuthServer: import('latchkey/better-auth').BetterAuthInstance
declare const session: import('latchkey/server').ServerSession
declare const request: Request
declare const rows: { owner: string }[]
declare const email: string
declare const password: string
declare function showMessage(text: string): void
declare function signUp(device: import('latchkey/playwright').Device, email: string): Promise<void>
declare function notesOf(owners: readonly string[]): Promise<string[]>
declare const typedText: string
declare function isKnown(identity: { readonly token: string }): Promise<boolean>
declare function askFor(label: string): string
declare function isRetired(principal: string, thumbprint: string): Promise<boolean>
declare function giveNotes(owners: { from: string; to: string }): Promise<void>
declare function deleteNotesOf(owners: readonly string[]): Promise<void>
declare function sendMail(to: string, text: string): Promise<void>
declare function verifyWalletSignature(message: string, signature: string, address: string): Promise<boolean>
declare function signWithWallet(nonce: string): Promise<{ message: string; signature: string }>

// Of docs/server-rendering.md.
declare const authenticate: import('latchkey/server/kit').Authenticator<import('latchkey/server').OwnedSession>
declare function viewer(headers: Pick<Headers, 'get'>): Promise<import('latchkey/server').OwnedSession | null>

// Frameworks that this repository does not install, as far as the samples use them.
declare module '@sveltejs/kit' {
  export function fail(status: number): unknown
}
declare module '@tanstack/react-start' {
  export function createServerFn(options?: { method: 'GET' | 'POST' }): {
    handler<Value>(run: () => Promise<Value>): () => Promise<Value>
  }
}
declare module '@tanstack/react-start/server' {
  export function getRequest(): Request
}

// The native modules, as far as the samples use them.
declare module 'expo-crypto' {
  export function getRandomValues<Bytes extends ArrayBufferView>(bytes: Bytes): Bytes
}
declare module 'expo-file-system' {
  export class Directory {}
  export class File {
    constructor(...uris: (string | File | Directory)[])
    exists: boolean
    create(options?: { overwrite?: boolean }): void
  }
  export class Paths {
    static get cache(): Directory
    static get document(): Directory
  }
}
declare module 'expo-network' {
  export function addNetworkStateListener(
    listener: (event: { isConnected?: boolean; isInternetReachable?: boolean }) => void,
  ): { remove(): void }
}
declare module 'expo-secure-store' {
  interface SecureStoreOptions {
    keychainAccessible?: number
  }
  export const AFTER_FIRST_UNLOCK_THIS_DEVICE_ONLY: number
  export function getItemAsync(key: string, options?: SecureStoreOptions): Promise<string | null>
  export function setItemAsync(key: string, value: string, options?: SecureStoreOptions): Promise<void>
  export function deleteItemAsync(key: string, options?: SecureStoreOptions): Promise<void>
  export function getItem(key: string, options?: SecureStoreOptions): string | null
  export function setItem(key: string, value: string, options?: SecureStoreOptions): void
}
declare module 'expo-web-browser' {
  export type WebBrowserAuthSessionResult = { type: string } | { type: 'success'; url: string }
  export function openAuthSessionAsync(
    url: string,
    redirectUrl?: string | null,
    options?: { preferEphemeralSession?: boolean },
  ): Promise<WebBrowserAuthSessionResult>
  export function dismissAuthSession(): void
}
declare module 'react-native' {
  export const AppState: {
    addEventListener(
      type: 'change',
      listener: (state: 'active' | 'background' | 'inactive' | 'unknown' | 'extension') => void,
    ): { remove(): void }
  }
}

// Database clients that the samples use, and that are not installed here.
interface DrizzleTransaction {
  execute(statement: unknown): Promise<{ rows: unknown[] }>
}
declare module 'drizzle-orm' {
  export function sql(texts: TemplateStringsArray, ...parameters: unknown[]): unknown
}
declare module 'mysql2/promise' {
  export interface Connection {
    query(text: string, parameters: unknown[]): Promise<[unknown, unknown]>
  }
}
