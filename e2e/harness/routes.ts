import { passkeyClient } from '@better-auth/passkey/client'
import { createAuthClient } from 'better-auth/client'
import { emailOTPClient, magicLinkClient } from 'better-auth/client/plugins'
import { type Auth, createAuth, memoryStore } from 'latchkey'
import { betterAuthAccount, betterAuthBackups, latchkeyClient } from 'latchkey/better-auth/client'
import { type PasskeyBackups, createPasskeyBackup } from 'latchkey/passkey'

const PASSWORD = 'correct horse battery'

/** The origin of the accounts, for a page of another site. */
const accounts = new URL(location.href).searchParams.get('accounts')

const client = createAuthClient({
  ...(accounts !== null && { baseURL: accounts }),
  plugins: [latchkeyClient(), magicLinkClient(), emailOTPClient(), passkeyClient()],
})
const auth = createAuth({ account: betterAuthAccount(client) })
const store = betterAuthBackups(client)

/** What an app does inside `auth.upgrade`. */
const runs = {
  signUp: (email: string) => client.signUp.email({ email, password: PASSWORD, name: 'Ada', callbackURL: '/' }),
  signIn: (email: string) => client.signIn.email({ email, password: PASSWORD }),
  askForLink: (email: string) => client.signIn.magicLink({ email, callbackURL: '/', errorCallbackURL: '/failed' }),
  leaveFor: (provider: string) => client.signIn.social({ provider, callbackURL: '/', errorCallbackURL: '/failed' }),
  passkey: () => client.signIn.passkey(),
  followLink: (token: string) => client.magicLink.verify({ query: { token } }),
  verifyEmail: (token: string) => client.verifyEmail({ query: { token } }),
  typeCode: (typed: string) => {
    const [email = '', otp = ''] = typed.split(' ')
    return client.signIn.emailOtp({ email, otp })
  },
}

/** What a spec can do in the page of an app with every route that leaves the page or needs the browser. */
export interface RoutesPage {
  readonly auth: Auth
  readonly client: typeof client
  /** Backups by a passkey, in the store of the server. */
  readonly passkeys: PasskeyBackups
  /** Opens another, empty device of the same user, in this page: it has the page's authenticators and no account. */
  openEmptyDevice(): Promise<{ readonly auth: Auth; readonly passkeys: PasskeyBackups }>
  /** Upgrades by a route, and tells the outcome, or the code of the failure. */
  enter(route: keyof typeof runs, value?: string): Promise<string>
  /** Says yes to the account that waits. */
  confirm(): Promise<string>
  /** What came of the link that this page was opened for. */
  readonly arrived: Promise<string> | null
  /** Makes something on the server. */
  makeItem(): Promise<number>
  /** Who the server says this is, and how much of what is there is theirs. */
  ownItems(): Promise<{ readonly principal: string | null; readonly items: number }>
}

async function outcomeOf(upgrade: ReturnType<Auth['upgrade']>): Promise<string> {
  const result = await upgrade
  return result.outcome === 'failed' ? result.error.code : result.outcome
}

const routes: RoutesPage = {
  auth,
  client,
  passkeys: createPasskeyBackup(auth, { app: 'Items', store }),
  openEmptyDevice,
  enter: (route, value = '') => outcomeOf(auth.upgrade(() => runs[route](value))),
  confirm: () => outcomeOf(auth.acceptAccount()),
  arrived: arrive(new URL(location.href)),
  makeItem: async () => (await auth.fetch('/api/items', { method: 'POST' })).status,
  ownItems: async () => (await auth.fetch('/api/items')).json(),
}

async function openEmptyDevice(): ReturnType<RoutesPage['openEmptyDevice']> {
  const other = createAuth({ keystore: memoryStore(), initialMode: 'anonymous' })
  await other.ready
  return { auth: other, passkeys: createPasskeyBackup(other, { app: 'Items', store }) }
}

/** The app's own pages for links follow them by a request that can carry the proof. */
function arrive({ pathname, searchParams }: URL): Promise<string> | null {
  const token = searchParams.get('token') ?? ''
  if (pathname === '/link') return outcomeOf(auth.upgrade(() => runs.followLink(token)))
  if (pathname === '/verify') return outcomeOf(auth.upgrade(() => runs.verifyEmail(token)))
  return null
}

Object.assign(globalThis, { routes })
