import * as lazy from './client/later-parts.ts'
import type { Platform } from './client/background.ts'
import type { CreateAuth } from './client/auth.ts'
import { createAuthWith } from './client/create-auth.ts'

// For adapters to a platform that is no page. Not a public entry point.

/** Makes the `createAuth` of a platform: all code is in one bundle, and the platform's events replace a window's. */
export function createAuthOn(platform: Platform): CreateAuth {
  const startBackground: typeof lazy.startBackground = (context) => lazy.startBackground(context, platform)
  return createAuthWith(async () => ({ ...lazy, startBackground }))
}

export type { Platform } from './client/background.ts'
export { nobleSuite } from './identity/noble.ts'
export { parseRecordText, stringifyRecord } from './keystore/record-text.ts'
export { guarded } from './machine/guarded.ts'
export { withTimeout } from './timeout.ts'
