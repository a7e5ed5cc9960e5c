import { DatabaseSync } from 'node:sqlite'
import { betterAuth } from 'better-auth'
import { latchkey, latchkeyJwt } from 'latchkey/better-auth'

export const auth = betterAuth({
  // The origin that browsers see: every proof and token names it.
  baseURL: process.env.BETTER_AUTH_URL ?? 'http://localhost:{{port}}',
  // SQLite of Node, from version 22.13. Any database that Better Auth supports will do as well. Keep your own tables in
  // another file: what is written through this connection while a sign-up runs is lost if the sign-up fails.
  database: new DatabaseSync('app.sqlite'),
  emailAndPassword: { enabled: true },
  plugins: [latchkey(), latchkeyJwt()],
})
