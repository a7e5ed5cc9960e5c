import { type SessionResolver, createSessionResolver } from 'latchkey/server'

let made: SessionResolver | undefined

/** Not at module level: a build runs that too, and knows nothing of where the app will be. */
export function resolver(): SessionResolver {
  return (made ??= createSessionResolver({
    localFirst: { audience: process.env['APP_ORIGIN'] ?? 'http://localhost:3000', afterUpgrade: 'allow' },
  }))
}
