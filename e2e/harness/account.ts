import { createAuthClient } from 'better-auth/client'
import { type Auth, type AuthOptions, createAuth } from 'latchkey'
import { betterAuthAccount, latchkeyClient } from 'latchkey/better-auth/client'
import { dumpStorage, readRecord, writeRecord } from './record.ts'
import { tell, tellSteps } from './steps.ts'

/** What a spec can do in the page with an account server behind it. */
export interface AccountPage {
  /** The last one that was opened. */
  auth: Auth
  readonly client: typeof client
  open(options?: AuthOptions): Promise<Auth>
  /** Signs up or in, and tells the outcome, or the code of the failure. */
  enter(how: 'signUp' | 'signIn', email: string): Promise<string>
  /** Waits for an act, and tells its answer, or the code of the failure. */
  codeOf(act: Promise<unknown>): Promise<unknown>
  readonly tell: typeof tell
  readonly tellSteps: typeof tellSteps
  readonly dumpStorage: typeof dumpStorage
  readonly readRecord: typeof readRecord
  readonly writeRecord: typeof writeRecord
  /** The IndexedDB transactions of this tab that have not ended. */
  readonly openTransactions: () => number
}

const PASSWORD = 'correct horse battery'

const client = createAuthClient({ plugins: [latchkeyClient()] })

const open = new Set<IDBTransaction>()
const begin = IDBDatabase.prototype.transaction

IDBDatabase.prototype.transaction = function (...given) {
  const transaction = begin.apply(this, given)
  open.add(transaction)
  for (const end of ['complete', 'abort']) transaction.addEventListener(end, () => open.delete(transaction))
  return transaction
}

const account: AccountPage = {
  auth: undefined as never,
  client,
  async open(options) {
    account.auth = createAuth({ account: betterAuthAccount(client), ...options })
    await account.auth.ready
    return account.auth
  },
  async enter(how, email) {
    const credentials = { email, password: PASSWORD }
    const result = await account.auth.upgrade(() =>
      how === 'signUp' ? client.signUp.email({ ...credentials, name: 'Ada' }) : client.signIn.email(credentials),
    )
    return result.outcome === 'failed' ? result.error.code : result.outcome
  },
  codeOf: (act) => act.catch((error: { readonly code?: string }) => error.code ?? String(error)),
  tell,
  tellSteps,
  dumpStorage,
  readRecord,
  writeRecord,
  openTransactions: () => open.size,
}

Object.assign(globalThis, { account })
