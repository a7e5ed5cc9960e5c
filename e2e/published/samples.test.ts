import { EventEmitter } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import Sqlite from 'better-sqlite3'
import { createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify } from 'jose'
import { type AccountProvider, type Auth, LatchkeyError, type UpgradeResult, createAuth, memoryStore } from 'latchkey'
import { tokenAccount } from 'latchkey/account'
import { createSessionResolver } from 'latchkey/server'
import * as server from 'latchkey/server'
import { createAuthenticator } from 'latchkey/server/kit'
import type { SessionErrorKind, SessionOptions } from 'latchkey/session'
import * as sessions from 'latchkey/session'
import { type MemoryAccountClient, memoryAccountServer, testDevice } from 'latchkey/testing'
import ts from 'typescript'
import { afterEach, describe, expect, test, vi } from 'vitest'

/** `adopted` only comes of the option `onConflict`. */
type Outcome = Exclude<UpgradeResult['outcome'], 'adopted'>

/** What a sample calls, as the memory server answers it. */
interface Stage {
  readonly auth: Auth
  readonly authClient: Record<'signUp' | 'signIn', { email(): Promise<unknown> }>
}

/** Each brings about one outcome. */
const STAGES: Record<Outcome, (page: MemoryAccountClient, auth: Auth, put: Put) => () => Promise<unknown>> = {
  upgraded: (page) => () => page.signUp('ada'),
  switched: (page, _, put) => (put('ada', 'an older principal'), () => page.signIn('ada')),
  conflict: (page, _, put) => (put('ada', 'an older principal', 'data'), () => page.signIn('ada')),
  taken: (page, auth, put) => (put('grace', auth.getState().session!.principal!), () => page.signUp('ada')),
  pending: (page) => () => page.requestLink('ada@example.com'),
  failed: (page) => ((page.online = false), () => page.signUp('ada')),
}

type Put = (name: string, principal: string, is?: 'data' | 'open') => void

async function stageOf(outcome: Outcome, bring = STAGES[outcome]): Promise<Stage> {
  const accounts = memoryAccountServer()
  const page = accounts.connect()
  let items = 0
  const auth = createAuth({
    account: page.provider,
    keystore: memoryStore(),
    audience: 'https://notes.example',
    describeLocal: () => ({ items }),
  })
  await auth.ready
  const put: Put = (name, principal, is) => {
    if (is === 'data') items = 3
    const open = is === 'open'
    accounts.accounts.set(name, { accountId: name, principal, aliases: [], recoverable: true, claims: {}, open })
  }
  const call = { email: bring(page, auth, put) }
  return { auth, authClient: { signUp: call, signIn: call } }
}

const AsyncFunction = (async () => {}).constructor as new (
  ...parts: string[]
) => (...values: unknown[]) => Promise<unknown>

/** The block of a page that contains a text, as a function of the names that it uses. */
function blockOf(page: string, text: string, names: readonly string[], result = ''): (...values: unknown[]) => unknown {
  const source = readFileSync(fileURLToPath(new URL(`../../${page}`, import.meta.url)), 'utf8')
  const [, code] = [...source.matchAll(/^```(?:ts|typescript)\n([\s\S]*?)^```$/gm)].find(([, block]) =>
    block!.includes(text),
  )!
  const plain = code!.replace(/^import .*$/gm, '').replace(/^export /gm, '')
  const { outputText } = ts.transpileModule(plain, { compilerOptions: { target: ts.ScriptTarget.ES2022 } })
  return new AsyncFunction(...names, `${outputText}\n${result}`)
}

afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllEnvs()
  vi.doUnmock('./existing-app/after/auth-client.ts')
  vi.resetModules()
})

const README: Record<Outcome, string> = {
  upgraded: 'Welcome!',
  switched: 'Welcome!',
  pending: 'Check your mailbox.',
  conflict: 'The data of this device is not in this account.',
  taken: 'The data of this device is not in this account.',
  failed: 'Please try again.',
}

const QUICK_START: Record<Outcome, RegExp> = {
  upgraded: /Welcome/,
  switched: /Welcome/,
  pending: /Check your mailbox/,
  conflict: /has its own data/,
  taken: /another account/,
  failed: /offline/,
}

describe.each(Object.keys(STAGES) as Outcome[])('a sign-up that ends as %s', (outcome) => {
  test('the sample of the README tells the user', async () => {
    const stage = await stageOf(outcome)
    vi.doMock('./existing-app/after/auth-client.ts', () => stage)
    const { signUp } = await import('./existing-app/after/sign-up.ts')
    expect(await signUp('ada@example.com', 'correct horse battery')).toBe(README[outcome])
  })

  test('the sample of the quick start tells the user', async () => {
    const { auth, authClient } = await stageOf(outcome)
    const shown: string[] = []
    const names = ['auth', 'authClient', 'email', 'password', 'showMessage']
    const run = blockOf('docs/quick-start.md', 'switch (result.outcome)', names)
    await run(auth, authClient, 'ada@example.com', 'correct', (text: string) => shown.push(text))
    expect(shown).toEqual([expect.stringMatching(QUICK_START[outcome])])
  })
})

test.each(['docs/quick-start.md', 'AGENTS.md'])(
  '%s: after `taken`, the user can sign in to the other account',
  async (page) => {
    // An account that was never used, on a device whose principal belongs to another one.
    const { auth, authClient } = await stageOf('taken', (client, { getState }, put) => {
      put('grace', getState().session!.principal!)
      put('ada', 'ada', 'open')
      return () => client.signIn('ada')
    })
    const shown: string[] = []
    const names = ['auth', 'authClient', 'email', 'password', 'showMessage']
    const run = blockOf(page, 'switch (result.outcome)', names)
    await run(auth, authClient, 'ada@example.com', 'correct', (text: string) => shown.push(text))
    expect(shown).toEqual([expect.stringMatching(/Sign in to th/)])
    // In the phase `conflict`, the next upgrade would be refused.
    expect(auth.getState().phase).toBe('ready')
  },
)

describe('the endpoints of the quick start', () => {
  async function endpoints(anonymous: boolean) {
    const resolver = createSessionResolver({ localFirst: { audience: 'https://notes.example', afterUpgrade: 'allow' } })
    const run = blockOf(
      'docs/quick-start.md',
      'addNote',
      ['createBetterAuthResolver', 'betterAuthServer', 'notesOf', ...Object.keys(server)],
      'return { listNotes, addNote }',
    )
    const notesOf = async (owners: readonly string[]) => owners.map((owner) => `a note of ${owner}`)
    const device = await testDevice()
    const bearer = `Bearer ${await device.token({ audience: 'https://notes.example' })}`
    const request = () =>
      new Request('https://notes.example/api/notes', { headers: anonymous ? {} : { authorization: bearer } })
    const made = (await run(() => resolver, {}, notesOf, ...Object.values(server))) as Record<
      'listNotes' | 'addNote',
      (request: Request) => Promise<Response>
    >
    return { list: await made.listNotes(request()), add: await made.addNote(request()), device }
  }

  test('answer a device', async () => {
    const { list, add, device } = await endpoints(false)
    expect([list.status, await list.json()]).toEqual([200, [`a note of ${device.principal}`]])
    expect([add.status, await add.json()]).toEqual([201, { owner: device.principal }])
  })

  test('refuse the write of a request without a signature, and answer instead of throwing', async () => {
    const { list, add } = await endpoints(true)
    expect([list.status, await list.json()]).toEqual([200, []])
    expect([add.status, await add.json()]).toMatchObject([403, { code: 'ANONYMOUS_WRITE_DENIED' }])
  })
})

test.each(['UNAUTHORIZED', 'TOKEN_EXPIRED', 'ROLES_MISMATCH', 'SCHEMA_MISMATCH'])(
  'the error handler of the page about sessions deletes nothing at %s',
  async (kind) => {
    const calls: string[] = []
    const session = {
      start: async () => calls.push('start'),
      end: async () => {},
      clear: async () => calls.push('clear'),
    }
    const connectSession = (_auth: unknown, _transport: unknown, options: SessionOptions) =>
      options.onSessionError!(kind as SessionErrorKind, session as never)
    const names = ['connectSession', 'auth', 'transport', 'showMessage']
    const run = blockOf('docs/sessions.md', 'async onSessionError', names)
    await run(connectSession, {}, {}, () => calls.push('message'))
    await new Promise(setImmediate)
    expect(calls).toEqual([kind === 'ROLES_MISMATCH' ? 'start' : 'message'])
  },
)

test('viewer of the page about server rendering throws while the session cannot be read: null would be nobody', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const viewerWith = async (latchkeySession: () => Promise<Response>) => {
    const names = ['createBetterAuthResolver', 'betterAuthServer', 'createAuthenticator', 'betterAuthCookie']
    const run = blockOf('docs/server-rendering.md', 'function viewer', names, 'return { viewer }')
    const resolverOf = (_: unknown, options: server.SessionResolverOptions) => createSessionResolver(options)
    const values = [resolverOf, { api: { latchkeySession } }, createAuthenticator, server.betterAuthCookie]
    const { viewer } = (await run(...values)) as { viewer(headers: Headers): Promise<server.OwnedSession | null> }
    return viewer(new Headers({ cookie: 'better-auth.session_token=token' }))
  }
  const answering = (session: object | null) => async () => Response.json({ session })
  expect(await viewerWith(answering({ principal: 'ada' }))).toMatchObject({ principal: 'ada' })
  expect(await viewerWith(answering(null))).toBeNull()
  await expect(viewerWith(async () => new Response(null, { status: 503 }))).rejects.toThrow('could not be read')
  await expect(viewerWith(fails)).rejects.toThrow('could not be read')
})

describe('the service worker of the page about frameworks', () => {
  const app = 'https://notes.example'

  async function worker(getToken: () => Promise<string>): Promise<(given: Request) => Promise<Request>> {
    const names = ['createWorkerAuth', 'location', 'request', 'console']
    const run = blockOf('docs/frameworks.md', 'withBearer', names, 'return withBearer')
    // The sample itself shows one request.
    const shown = new Request('https://cdn.example/app.js')
    return (await run(() => ({ getToken }), new URL(app), shown, { log() {} })) as (given: Request) => Promise<Request>
  }

  test('gives its token to the API of its own origin only', async () => {
    const withBearer = await worker(async () => 'token')
    expect((await withBearer(new Request(`${app}/api/notes`))).headers.get('authorization')).toBe('Bearer token')
    for (const origin of ['https://cdn.example', `${app}.evil.example`, 'http://notes.example'])
      expect((await withBearer(new Request(`${origin}/api/notes`))).headers.get('authorization')).toBeNull()
  })

  test('lets a page load although there is no token', async () => {
    const withBearer = await worker(() => Promise.reject(new LatchkeyError('SESSION_MISSING')))
    const page = new Request(`${app}/`)
    expect(await withBearer(page)).toBe(page)
    await expect(withBearer(new Request(`${app}/api/notes`))).rejects.toMatchObject({ code: 'SESSION_MISSING' })
  })
})

describe('the server of the page about other providers', () => {
  const request = (path: string, body?: object) =>
    new Request(`https://notes.example/identity${path}`, body && { method: 'POST', body: JSON.stringify(body) })

  test('keeps its bindings in SQLite, and answers under its own path', async () => {
    vi.stubEnv('BINDER_SECRET', 'a secret of at least thirty-two characters')
    const database = new Sqlite(':memory:')
    const run = blockOf(
      'docs/providers.md',
      'sqliteBindingStore(new Sqlite',
      ['Sqlite', ...Object.keys(server)],
      'return { handle, store }',
    )
    // A constructor that returns an object returns that.
    const Given = function () {
      return database
    }
    const { handle, store } = (await run(Given, ...Object.values(server))) as {
      handle: (request: Request) => Promise<Response>
      store: server.SqlBindingStore
    }
    expect(await (await handle(request('/session'))).json()).toMatchObject({ session: null })
    expect((await handle(new Request('https://notes.example/session'))).status).toBe(404)
    const device = await testDevice()
    const isKnown = async () => {
      const proof = await device.proof({ audience: 'https://notes.example/identity', purpose: 'known' })
      return (await handle(request('/known', { proof }))).json()
    }
    expect(await isKnown()).toMatchObject({ isKnown: false })
    await store.insert({ issuer: 'i', subject: 's', principal: device.principal, thumbprint: device.thumbprint })
    expect(await isKnown()).toMatchObject({ isKnown: true })
    expect(database.prepare('select count(*) from latchkey_used').pluck().get()).toBe(2)
    database.close()
  })

  test('issues tokens with the key that it is given', async () => {
    const run = blockOf(
      'docs/providers.md',
      'keys: [signingKey]',
      ['binder', 'signingKey', ...Object.keys(server)],
      'return handle',
    )
    const { privateKey } = await generateKeyPair('ES256', { extractable: true })
    const signingKey = { ...(await exportJWK(privateKey)), kid: 'one', alg: 'ES256' }
    const binder = server.createExternalBinder({
      issuers: [],
      store: server.memoryBindingStore(),
      audience: 'https://notes.example/identity',
      secret: 'a secret of at least thirty-two characters',
    })
    const handle = (await run(binder, signingKey, ...Object.values(server))) as (request: Request) => Promise<Response>
    const device = await testDevice()
    const answer = await handle(
      request('/token', {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token_type: 'urn:latchkey:params:oauth:token-type:proof',
        subject_token: await device.proof({ audience: 'https://notes.example/identity', purpose: 'exchange' }),
      }),
    )
    const { access_token: token } = (await answer.json()) as { access_token: string }
    const keys = createLocalJWKSet(await (await handle(request('/jwks'))).json())
    const { payload } = await jwtVerify(token, keys, { audience: 'https://sync.example', typ: 'at+jwt' })
    expect(payload).toMatchObject({ sub: device.principal, role: 'guest' })
  })
})

test('onRevoke of the page about other providers fails only for what is still to do', async () => {
  const names = ['clerk', 'createExternalBinder', 'createSessionResolver', 'memoryBindingStore', 'clerkBackend']
  const outcomeWith = async (revokeSession: () => Promise<unknown>) => {
    const made: { onRevoke(revoked: { session: string }): Promise<void> }[] = []
    const createExternalBinder = (options: (typeof made)[number]) => (made.push(options), {})
    const run = blockOf('docs/providers.md', 'clerkBackend', [...names, 'console'])
    const none = () => null
    await run(none, createExternalBinder, none, none, { sessions: { revokeSession } }, { log() {} })
    return made[0]!.onRevoke({ session: 'sess_1' })
  }
  const refused = (status?: number) => async () => {
    throw Object.assign(new Error('refused'), { status })
  }
  await outcomeWith(async () => ({ status: 'revoked' }))
  for (const status of [400, 404]) await outcomeWith(refused(status))
  for (const status of [401, 429, 500, undefined]) await expect(outcomeWith(refused(status))).rejects.toThrow('refused')
})

const fails = async (): Promise<never> => {
  throw new Error('no connection')
}

/** The user is only there once the state is ready. */
function firebaseAuthOf(user: { getIdToken(): Promise<string> } | null) {
  const firebaseAuth = {
    currentUser: null as typeof user,
    authStateReady: async (): Promise<void> => void (firebaseAuth.currentUser = user),
  }
  return firebaseAuth
}

/** The clients of providers: nobody is signed in, somebody is, and the provider does not answer. */
const CLIENTS: Record<string, { readonly out: object; readonly in: object; readonly unreachable: object }> = {
  Clerk: {
    out: { clerk: { session: null } },
    in: { clerk: { session: { getToken: async () => 'token' } } },
    unreachable: { clerk: { session: { getToken: fails } } },
  },
  Auth0: {
    out: {
      auth0: {
        isAuthenticated: async () => false,
        getTokenSilently: async () => {
          throw Object.assign(new Error('Login required'), { error: 'login_required' })
        },
      },
    },
    in: { auth0: { isAuthenticated: async () => true, getTokenSilently: async () => 'token' } },
    unreachable: { auth0: { isAuthenticated: async () => true, getTokenSilently: fails } },
  },
  Supabase: {
    out: { supabase: { auth: { getSession: async () => ({ data: { session: null }, error: null }) } } },
    in: {
      supabase: {
        auth: { getSession: async () => ({ data: { session: { access_token: 'token' } }, error: null }) },
      },
    },
    unreachable: {
      supabase: {
        auth: { getSession: async () => ({ data: { session: null }, error: new Error('no connection') }) },
      },
    },
  },
  Firebase: {
    out: { firebaseAuth: firebaseAuthOf(null) },
    in: { firebaseAuth: firebaseAuthOf({ getIdToken: async () => 'token' }) },
    unreachable: { firebaseAuth: firebaseAuthOf({ getIdToken: fails }) },
  },
  WorkOS: {
    out: {
      authkit: {
        getUser: () => null,
        getAccessToken: async () => {
          throw new Error('LoginRequiredError')
        },
      },
    },
    in: { authkit: { getUser: () => ({ id: 'user_ada' }), getAccessToken: async () => 'token' } },
    unreachable: { authkit: { getUser: () => ({ id: 'user_ada' }), getAccessToken: fails } },
  },
}

/** A function in the table of providers, with the client that it names. */
async function cellOf(provider: string, column: 'getToken' | 'signOut', client: object): Promise<() => unknown> {
  const page = readFileSync(fileURLToPath(new URL('../../docs/providers.md', import.meta.url)), 'utf8')
  const row = page.split('\n').find((line) => line.startsWith(`| [${provider}](`))!
  const code = row.split(' | ')[column === 'getToken' ? 1 : 2]!.replaceAll(/^`|`( \|)?$/g, '')
  const run = new AsyncFunction(...Object.keys(client), `return ${code}`)
  return (await run(...Object.values(client))) as () => unknown
}

describe.each(Object.entries(CLIENTS))('the client of %s in the table of providers', (provider, clients) => {
  test('returns null where nobody is signed in: an error would stop a sign-up', async () => {
    const getToken = await cellOf(provider, 'getToken', clients.out)
    expect(await getToken()).toBeNull()
  })

  test('returns the token', async () => {
    const getToken = await cellOf(provider, 'getToken', clients.in)
    expect(await getToken()).toBe('token')
  })

  test('fails while the provider cannot be reached: null would end the session', async () => {
    const getToken = await cellOf(provider, 'getToken', clients.unreachable)
    await expect((async () => getToken())()).rejects.toThrow('no connection')
  })
})

test('signOut of Supabase in the table throws what the client returns', async () => {
  const signOutWith = async (error: unknown) =>
    (await cellOf('Supabase', 'signOut', { supabase: { auth: { signOut: async () => ({ error }) } } }))()
  await expect(signOutWith(new Error('no connection'))).rejects.toThrow('no connection')
  expect(await signOutWith(null)).toBeUndefined()
})

test('the client of the page about Supabase notices what Supabase returns instead of throwing', async () => {
  const error = new Error('no connection')
  const supabase = {
    auth: {
      getSession: async () => ({ data: { session: null }, error }),
      signUp: async () => ({ data: { user: null, session: null }, error }),
      signOut: async () => ({ error }),
    },
  }
  const seen = {} as { account: AccountProvider; failure: unknown }
  const createAuth = ({ account }: { account: AccountProvider }) => ({
    async upgrade(run: () => Promise<unknown>) {
      Object.assign(seen, { account, failure: account.readFailure(await run()) })
      return { outcome: 'failed' }
    },
  })
  const names = ['createAuth', 'tokenAccount', 'supabase', 'email', 'password', 'showMessage']
  const run = blockOf('docs/from-supabase.md', 'tokenAccount({', names)
  await run(createAuth, tokenAccount, supabase, 'ada@example.com', 'correct', () => {})
  expect(seen.failure).toMatchObject({ code: 'PROVIDER_REFUSED', cause: error })
  await expect(seen.account.getToken()).rejects.toMatchObject({ code: 'OFFLINE', cause: error })
  await expect(seen.account.signOut()).rejects.toMatchObject({ code: 'OFFLINE', cause: error })
  // Nobody is signed in, and the provider says so.
  supabase.auth.getSession = async () => ({ data: { session: null }, error: null as never })
  expect(await seen.account.getToken()).toBeNull()
})

test('the client of the page about Firebase waits until Firebase knows who is signed in', async () => {
  const firebaseAuth = firebaseAuthOf({ getIdToken: async () => 'token' })
  const accounts: AccountProvider[] = []
  const createAuth = ({ account }: { account: AccountProvider }) => (
    accounts.push(account),
    { upgrade: async () => ({ outcome: 'pending' }) }
  )
  const names = ['createAuth', 'tokenAccount', 'firebaseAuth', 'email', 'password', 'showMessage']
  await blockOf('docs/from-firebase.md', 'tokenAccount({', names)(createAuth, tokenAccount, firebaseAuth)
  expect(await accounts[0]!.getToken()).toBe('token')
})

/** What each provider's own library answers for the user `guest`, and for anything else. */
const MOVES = [
  {
    page: 'docs/from-supabase.md',
    act: 'moveAnonymous',
    header: 'x-anonymous-token',
    provider: {
      supabase: {
        auth: {
          getUser: async (token: string) => ({
            data: { user: token ? { id: token, is_anonymous: token === 'guest' } : null },
          }),
        },
      },
    },
  },
  {
    page: 'docs/from-firebase.md',
    act: 'moveAnonymous',
    header: 'x-anonymous-token',
    provider: {
      verifyIdToken: async (token: string) => {
        if (token === '') throw new Error('no token')
        return { uid: token, firebase: { sign_in_provider: token === 'guest' ? 'anonymous' : 'password' } }
      },
    },
  },
  {
    page: 'docs/from-instant.md',
    act: 'moveGuest',
    header: 'x-instant-token',
    provider: {
      instant: { auth: { verifyToken: async (token: string) => (token === 'guest' ? { id: token } : null) } },
    },
  },
  {
    page: 'docs/from-jazz.md',
    act: 'moveJazz',
    header: 'x-jazz-proof',
    provider: { verifyLocalFirstIdentityProof: (token: string) => ({ ok: token === 'guest', id: token }) },
  },
]

describe.each(MOVES)('the endpoint of $page', ({ page, act, header, provider }) => {
  async function call(headers: Record<string, string>): Promise<{ status: number; moved: unknown[] }> {
    const moved: unknown[] = []
    const giveNotes = async (owners: object): Promise<void> => void moved.push(owners)
    const values = { ...provider, giveNotes, createSessionResolver: server.createSessionResolver }
    const move = (await blockOf(
      page,
      `export async function ${act}`,
      Object.keys(values),
      `return ${act}`,
    )(...Object.values(values))) as (request: Request) => Promise<Response>
    const { status } = await move(new Request('https://notes.example/api/move', { method: 'POST', headers }))
    return { status, moved }
  }

  test('gives the rows of the guest to the device, and only with both credentials', async () => {
    const device = await testDevice()
    const authorization = `Bearer ${await device.token({ audience: 'https://notes.example' })}`
    const to = device.principal
    expect(await call({ authorization, [header]: 'guest' })).toEqual({ status: 204, moved: [{ from: 'guest', to }] })
    expect(await call({ authorization })).toEqual({ status: 409, moved: [] })
    expect(await call({ authorization, [header]: 'somebody with a password' })).toEqual({ status: 409, moved: [] })
    expect(await call({ [header]: 'guest' })).toEqual({ status: 409, moved: [] })
    expect((await call({ authorization: 'Bearer forged', [header]: 'guest' })).status).toBe(401)
  })
})

describe('the recipe of PowerSync', () => {
  /** What the recipe uses of PowerSync: a queue of changes that are not sent, and listeners for it. */
  async function powerSync() {
    const queue: string[] = []
    let owner: string | null = null
    const listeners: (() => unknown)[] = []
    const changed = () => Promise.all(listeners.map((listener) => listener()))
    const database = {
      connect: async () => {},
      disconnect: async () => {},
      disconnectAndClear: vi.fn(async () => {
        owner = null
        queue.length = 0
        await changed()
      }),
      async getOptional(sql: string) {
        if (sql.includes('ps_crud')) return queue.length > 0 ? { id: 1 } : null
        return owner === null ? null : { principal: owner }
      },
      async writeTransaction(callback: (transaction: object) => Promise<void>) {
        await callback({
          execute: async (sql: string, [, principal]: string[] = []) =>
            void (owner = sql.startsWith('insert') ? principal! : null),
        })
      },
      onChange(handler: { onChange(): unknown }, { tables }: { tables: string[] }) {
        if (tables.includes('ps_crud')) listeners.push(() => handler.onChange())
        return () => {}
      },
    }
    const accounts = memoryAccountServer()
    const page = accounts.connect()
    const auth = createAuth({
      account: page.provider,
      keystore: memoryStore(),
      audience: 'https://notes.example',
      harden: 'never',
    })
    await auth.ready
    const account = { accountId: 'ada', principal: 'an older principal', aliases: [], recoverable: true, claims: {} }
    accounts.accounts.set('ada', account)
    const names = ['auth', 'database', ...Object.keys(sessions)]
    const run = blockOf('docs/engines.md', 'connectorOf', names, 'connectPowerSync(auth, database)')
    await run(auth, database, ...Object.values(sessions))
    const write = (row: string) => (queue.push(row), changed())
    return { auth, page, database, write }
  }

  test('asks what to do with rows that were never sent, instead of deleting them', async () => {
    const { auth, page, database, write } = await powerSync()
    await write('a note of the guest')
    expect((await auth.upgrade(() => page.signIn('ada'))).outcome).toBe('conflict')
    expect(database.disconnectAndClear).not.toHaveBeenCalled()
    expect((await auth.resolveConflict('switch')).outcome).toBe('switched')
    await vi.waitFor(() => expect(database.disconnectAndClear).toHaveBeenCalled(), { timeout: 30_000 })
    auth.close()
  })

  test('does not ask about an empty device', async () => {
    const { auth, page } = await powerSync()
    expect((await auth.upgrade(() => page.signIn('ada'))).outcome).toBe('switched')
    auth.close()
  })
})

const CONNECT_DEXIE = "return connectDexieCloud(auth, db, 'https://notes.dexie.example', onFailure)"

describe('the recipe of Dexie Cloud', () => {
  const names = ['auth', 'db', 'addEventListener', 'onFailure']

  async function dexie(currentUserId = 'unauthorized') {
    const page = memoryAccountServer().connect()
    const keystore = memoryStore()
    const auth = createAuth({ account: page.provider, keystore, audience: 'https://notes.example', harden: 'never' })
    const calls: string[] = []
    const messages: string[] = []
    const online: (() => void)[] = []
    const principal = () => auth.getState().session?.principal
    const cloud = {
      configure: () => {},
      currentUserId,
      unsynced: false,
      reachable: true,
      // While its refresh token works, Dexie Cloud asks for no other one.
      async login() {
        if (!cloud.reachable) throw new Error('no connection')
        if (cloud.currentUserId !== 'unauthorized') return
        cloud.currentUserId = principal()!
        calls.push('login')
      },
      async logout() {
        calls.push('logout')
        if (cloud.unsynced) throw new Error('User cancelled logout due to unsynced changes')
        cloud.currentUserId = 'unauthorized'
      },
    }
    const run = blockOf('docs/engines.md', 'fetchTokens(', names, CONNECT_DEXIE)
    const made = (await run(
      auth,
      { cloud },
      (_: string, listener: () => void) => online.push(listener),
      () => messages.push('Not synced.'),
    )) as { isMine(): boolean }
    await auth.ready
    return { auth, cloud, calls, messages, online, principal, ...made }
  }
  const becomes = (cloud: { currentUserId: string }, user: () => string | undefined) =>
    vi.waitFor(() => expect(cloud.currentUserId).toBe(user()), { timeout: 30_000 })

  test('logs the last user out before the next one logs in', async () => {
    const { auth, cloud, calls, principal, isMine } = await dexie()
    await becomes(cloud, principal)
    await auth.signOut({ force: true })
    await auth.ensureIdentity()
    await becomes(cloud, principal)
    expect([calls, isMine()]).toEqual([['login', 'logout', 'login'], true])
    auth.close()
  })

  test('logs out a user of an earlier page', async () => {
    const { auth, cloud, calls, principal } = await dexie('somebody-else')
    await becomes(cloud, principal)
    expect(calls).toEqual(['logout', 'login'])
    auth.close()
  })

  test('does not log the next user in while rows of the last one stay', async () => {
    const { auth, cloud, messages, principal, isMine } = await dexie()
    await becomes(cloud, principal)
    const before = principal()!
    cloud.unsynced = true
    await auth.signOut({ force: true })
    await auth.ensureIdentity()
    await vi.waitFor(() => expect(messages).not.toEqual([]), { timeout: 30_000 })
    expect([cloud.currentUserId, isMine()]).toEqual([before, false])
    auth.close()
  })

  test('tries again when the network is back', async () => {
    const { auth, cloud, online, messages, principal } = await dexie('somebody-else')
    await becomes(cloud, principal)
    await auth.signOut({ force: true })
    await becomes(cloud, () => 'unauthorized')
    cloud.reachable = false
    await auth.ensureIdentity()
    await vi.waitFor(() => expect(messages).not.toEqual([]), { timeout: 30_000 })
    cloud.reachable = true
    online.forEach((listener) => listener())
    await becomes(cloud, principal)
    auth.close()
  })
})

test.each([
  ['docs/sessions.md', 'async handler()', ['connectSession', 'transport'], ''],
  ['docs/engines.md', 'fetchTokens(', ['db', 'addEventListener', 'onFailure'], CONNECT_DEXIE],
])('a request for a token of %s is no write, which would make an empty device ask at a sign-in', async (...sample) => {
  const [page, text, names, result] = sample
  const asked: Request[] = []
  const auth = {
    ready: new Promise(() => {}),
    getState: () => ({ session: null }),
    subscribe: () => () => {},
    async fetch(url: string, options?: RequestInit) {
      asked.push(new Request(new URL(url, 'https://notes.example'), options))
      return Response.json({ token: 'token' })
    },
  }
  type Ask = (parameters: object) => Promise<unknown>
  const found: { handler?: Ask; fetchTokens?: Ask } = {}
  const connectSession = (_auth: unknown, _transport: unknown, { refresh }: SessionOptions) =>
    Object.assign(found, refresh)
  const cloud = { currentUserId: 'unauthorized', configure: (options: object) => Object.assign(found, options) }
  const values = names.includes('db') ? [{ cloud }, () => {}] : [connectSession, {}]
  await blockOf(page, text, ['auth', ...names], result)(auth, ...values)
  await (found.fetchTokens ?? found.handler)!({ public_key: 'a key+/=' })
  expect(asked.map(({ method }) => method)).toEqual(['GET'])
  if (names.includes('db')) expect(new URL(asked[0]!.url).searchParams.get('public_key')).toBe('a key+/=')
})

test('the socket of the page about sessions is given up if the server never answers', async () => {
  const opened: { closed: boolean; sent: string[]; close(): void; onopen?(): void }[] = []
  const Socket = function () {
    const socket = { closed: false, sent: [] as string[], close: () => void (socket.closed = true) }
    opened.push(Object.assign(socket, { send: (text: string) => socket.sent.push(text) }))
    return socket
  }
  const run = blockOf('docs/sessions.md', 'export function socketTransport', ['WebSocket'], 'return socketTransport')
  const socketTransport = (await run(Socket)) as (url: string) => sessions.SessionTransport
  const auth = createAuth({ keystore: memoryStore(), audience: 'https://notes.example', harden: 'never' })
  const timers: [callback: () => void, milliseconds: number][] = []
  const session = sessions.connectSession(auth, socketTransport('wss://notes.example'), {
    timer: { set: (...timer) => timers.push(timer), clear: () => {} },
    onFault: () => {},
  })
  await vi.waitFor(() => expect(opened).toHaveLength(1), { timeout: 30_000 })
  opened[0]!.onopen!()
  expect(opened[0]!.sent).toHaveLength(1)
  for (const [callback, milliseconds] of timers) if (milliseconds === 30_000) callback()
  await vi.waitFor(() => expect(opened[0]!.closed).toBe(true), { timeout: 30_000 })
  await session.end()
  auth.close()
})

test.each([
  ['accepted', ['{"accepted":true}']],
  ['unavailable', [1013]],
])('the WebSocket server of the page about frameworks answers a first token that is %s', async (outcome, answers) => {
  const sockets = new EventEmitter()
  const session = { current: { principal: null }, refresh: async () => outcome }
  const made = {
    createServer: () => ({ on() {}, listen() {} }),
    createBetterAuthResolver: () => ({}),
    betterAuthServer: {},
    requireWriter() {},
    createUpgradeHandler() {},
    socketSessionOf: () => session,
    WebSocketServer: function () {
      return sockets
    },
  }
  await blockOf('docs/server-frameworks.md', 'createUpgradeHandler(sockets', Object.keys(made))(...Object.values(made))
  const given: unknown[] = []
  const answer = (value: unknown): void => void given.push(value)
  const socket = Object.assign(new EventEmitter(), { send: answer, close: answer })
  sockets.emit('connection', socket)
  socket.emit('message', '{"token":"a token"}')
  await new Promise(setImmediate)
  expect(given).toEqual(answers)
})
