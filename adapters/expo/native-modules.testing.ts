// Stands for the native modules that `@better-auth/expo` imports: `vitest.config.ts` resolves all of their names to it.

const nothing = { remove() {} }

/** Of `react-native`. */
export const Platform = { OS: 'ios' }

/** Of `react-native`. */
export const AppState = { addEventListener: () => nothing }

/** Of `expo-network`. */
export const addNetworkStateListener = (): typeof nothing => nothing

/** Of `expo-linking`. */
export function createURL(path: string, { scheme = 'notes' }: { readonly scheme?: string } = {}): string {
  return `${scheme}://${path.replace(/^\//, '')}`
}

/** Of `expo-web-browser`, as `expoClient` imports it: no test lets it open one. */
export function openAuthSessionAsync(): never {
  throw new Error('expoClient opened a browser of its own')
}
