import * as acts from './client/lazy.ts'
import { type CreateAuth, createAuthWith } from './client/create-auth.ts'

/**
 * The `createAuth` of `latchkey` for service workers, where `import()` is not allowed: everything is there at once.
 * It finds the identity that the pages of the same origin use.
 *
 * @throws {TypeError} an option cannot be meant
 */
export const createAuth: CreateAuth = /* @__PURE__ */ createAuthWith(async () => acts)

export type { Auth, CreateAuth } from './client/create-auth.ts'
export type { AuthOptions } from './client/options.ts'
