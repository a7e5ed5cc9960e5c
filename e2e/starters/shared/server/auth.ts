import { betterAuth } from 'better-auth'
import { latchkey, latchkeyJwt } from 'latchkey/better-auth'
import { accounts } from './database.ts'

/** The account server. Visitors without an account never reach it, and leave no row. */
export const auth = betterAuth({
  // The origin that browsers see: every proof and token names it.
  baseURL: process.env.BETTER_AUTH_URL ?? 'http://localhost:{{port}}',
  database: accounts,
  emailAndPassword: { enabled: true },
  plugins: [latchkey(), latchkeyJwt()],
})
