import * as lazy from './client/later-parts.ts'
import type { CreateAuth } from './client/auth.ts'
import { createAuthWith } from './client/create-auth.ts'

/**
 * `createAuth` for service workers, where `import()` is not allowed: all code is in one bundle. It uses the same
 * identity as pages of the same origin.
 *
 * @throws {TypeError} an option is unknown or invalid
 */
export const createAuth: CreateAuth = /* @__PURE__ */ createAuthWith(async () => lazy)

export type { Auth, AuthOptions, CreateAuth } from './client/auth.ts'
