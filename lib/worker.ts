import * as lazy from './client/lazy.ts'
import type { CreateAuth } from './client/auth.ts'
import { createAuthWith } from './client/create-auth.ts'

/**
 * The `createAuth` of `latchkey` for service workers, where `import()` is not allowed: everything is there at once.
 * It finds the identity that the pages of the same origin use.
 *
 * @throws {TypeError} an option is unknown or invalid
 */
export const createAuth: CreateAuth = /* @__PURE__ */ createAuthWith(async () => lazy)

export type { Auth, AuthOptions, CreateAuth } from './client/auth.ts'
