import type { Setting } from './server.ts'

/** Each sequence runs under one of these. */
export const SETTINGS: readonly Setting[] = [
  { requireVerification: false, signInByVerification: true, change: 'plain' },
  { requireVerification: true, signInByVerification: true, change: 'confirmed' },
  { requireVerification: false, signInByVerification: false, change: 'at once' },
]
