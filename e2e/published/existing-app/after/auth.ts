import { betterAuth } from 'better-auth'
import Database from 'better-sqlite3'
import { latchkey, latchkeyJwt } from 'latchkey/better-auth'

export const auth = betterAuth({
  baseURL: 'https://notes.example',
  database: new Database('app.sqlite'),
  emailAndPassword: { enabled: true },
  plugins: [latchkey(), latchkeyJwt()],
})
