import { IDBFactory } from 'fake-indexeddb'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createAuth } from '../index.ts'
import { memoryStore } from '../keystore/memory.ts'
import { INITIAL_STATE } from '../machine/state.ts'
import { formatSecret } from '../identity/secret.ts'
import { createTokenVerifier } from '../tokens/verify.ts'
import { manualClock } from '../testing/clock.ts'
import type { Auth } from './auth.ts'
import { readPayload, testBrowser } from './client.testing.ts'

describe('the first start', () => {
  test('owns an identity without network, form or server (checklist 5: needs no server)', async () => {
    const browser = testBrowser()
    browser.account.online = false
    const auth = await browser.load()
    expect(auth.getState()).toMatchObject({
      authMode: 'local-first',
      phase: 'ready',
      storage: { durability: 'ephemeral', protection: 'extractable' },
    })
    expect(auth.getState().session?.principal).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    )
    expect(browser.account.calls).toEqual([])
  })

  test('keeps it across reloads (checklist 5: stable across reloads)', async () => {
    const browser = testBrowser()
    const first = await browser.load()
    const second = await browser.load()
    expect(second.getState()).toEqual(first.getState())
  })

  test('leaves it to ensureIdentity in anonymous mode', async () => {
    const browser = testBrowser()
    const auth = await browser.load({ initialMode: 'anonymous' })
    expect(auth.getState()).toMatchObject({ authMode: 'anonymous', session: null })
    expect(await auth.getToken()).toBeNull()
    expect(await browser.store.read()).toBeUndefined()

    const session = await auth.ensureIdentity()
    expect(auth.getState()).toMatchObject({ authMode: 'local-first', session })
    expect((await browser.load({ initialMode: 'anonymous' })).getState().session).toEqual(session)
  })

  test('as anonymous needs no secret and no server, is notified of changes, and leaves nothing behind (checklist 2: anonymous is ephemeral, needs no secret and no server)', async () => {
    const browser = testBrowser()
    browser.account.online = false
    const first = await browser.load({ initialMode: 'anonymous' })
    const heard = vi.fn()
    first.subscribe(heard)
    expect([first.getState().session, await first.getToken(), browser.account.calls]).toEqual([null, null, []])
    await first.ensureIdentity()
    expect(heard).toHaveBeenCalled()

    const other = testBrowser()
    for (let visit = 0; visit < 2; visit++)
      expect((await other.load({ initialMode: 'anonymous' })).getState()).toMatchObject({
        authMode: 'anonymous',
        session: null,
      })
    expect(await other.store.read()).toBeUndefined()
  })

  test('of eight at once makes one identity', async () => {
    vi.stubGlobal('indexedDB', new IDBFactory())
    const tabs = Array.from({ length: 8 }, () => createAuth())
    await Promise.all(tabs.map(({ ready }) => ready))
    expect(new Set(tabs.map((tab) => tab.getState().session?.principal)).size).toBe(1)
    for (const tab of tabs) tab.close()
  })

  test('touches nothing while it is constructed', () => {
    const open = vi.fn()
    vi.stubGlobal('indexedDB', { open })
    const channel = vi.fn()
    vi.stubGlobal('BroadcastChannel', channel)
    createAuth()
    expect(open).not.toHaveBeenCalled()
    expect(channel).not.toHaveBeenCalled()
    vi.unstubAllGlobals()
  })
})

describe('the mode follows from the credential (checklist 1: on the client: nothing, a device secret, an account token)', () => {
  const SECRET = formatSecret(new Uint8Array(32).fill(7))
  const modeOf = async (auth: Auth) => {
    const { authMode, session } = auth.getState()
    const token = await auth.getToken()
    return { authMode, principal: session?.principal ?? null, claims: token && readPayload(token) }
  }

  test('nothing: anonymous, without a principal and without a token', async () => {
    const auth = await testBrowser().load({ initialMode: 'anonymous' })
    expect(await modeOf(auth)).toEqual({ authMode: 'anonymous', principal: null, claims: null })
  })

  test('a device secret: local-first, with the same principal on every device that is given it', async () => {
    const principals = await Promise.all(
      [testBrowser(), testBrowser()].map(async (browser) => {
        const auth = await browser.load({ initialMode: 'anonymous' })
        const { principal } = await auth.importSecret(SECRET)
        const claims = expect.objectContaining({ iss: 'urn:latchkey:local-first', sub: principal })
        expect(await modeOf(auth)).toEqual({ authMode: 'local-first', principal, claims })
        // Stored, it decides at every later start.
        expect(await modeOf(await browser.load({ initialMode: 'anonymous' }))).toMatchObject({
          authMode: 'local-first',
          principal,
        })
        return principal
      }),
    )
    expect(new Set(principals).size).toBe(1)
  })

  test('an account token: external, with the principal and the token of the account', async () => {
    const browser = testBrowser()
    const auth = await browser.load({ initialMode: 'anonymous' })
    await auth.upgrade(() => browser.account.signUp('ada'))
    const { principal } = browser.server.accounts.get('ada')!
    const claims = expect.objectContaining({ auth_mode: 'external', sub: principal })
    expect(await modeOf(auth)).toEqual({ authMode: 'external', principal, claims })
  })
})

describe('the state', () => {
  test('is frozen through and through', async () => {
    const state = (await testBrowser().load()).getState()
    for (const part of [state, state.session, state.session?.principals, state.session?.claims, state.storage])
      expect(Object.isFrozen(part)).toBe(true)
  })

  test('is flat: the mode, the session and each possible problem are separate members (checklist 8: auth state is flat)', async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    expect(Object.keys(auth.getState()).toSorted()).toEqual(['authMode', 'phase', 'session', 'storage'])
    auth.reportToken('expired')
    expect(
      Object.entries(auth.getState())
        .map(([name, value]) => [name, typeof value])
        .toSorted(),
    ).toEqual([
      ['authMode', 'string'],
      ['error', 'string'],
      ['phase', 'string'],
      ['session', 'object'],
      ['storage', 'object'],
    ])
    expect(Object.keys(auth.getState().session!).toSorted()).toEqual(['authMode', 'claims', 'principal', 'principals'])
  })

  test('is the same reference until a field changes (checklist 8: readable synchronously)', async () => {
    const auth = await testBrowser().load()
    const state = auth.getState()
    await auth.ensureIdentity()
    await auth.getToken()
    expect(auth.getState()).toBe(state)
  })

  test('is a constant on a server', async () => {
    const auth = await testBrowser().load()
    expect(auth.getServerState()).toBe(INITIAL_STATE)
    expect(auth.getServerState()).toMatchObject({ authMode: 'anonymous', session: null, phase: 'starting' })
  })

  test('notifies subscribers of each change, until they unsubscribe (checklist 8: observable)', async () => {
    const auth = await testBrowser().load({ initialMode: 'anonymous' })
    const listener = vi.fn()
    const leave = auth.subscribe(listener)
    await auth.ensureIdentity()
    expect(listener.mock.calls).toEqual([[auth.getState()]])
    leave()
    await auth.signOut()
    expect(listener).toHaveBeenCalledTimes(1)
  })

  test('keeps the subscriptions of one listener apart', async () => {
    const auth = await testBrowser().load({ initialMode: 'anonymous' })
    const listener = vi.fn()
    const [leaveFirst, leaveSecond] = [auth.subscribe(listener), auth.subscribe(listener)]
    await auth.ensureIdentity()
    expect(listener).toHaveBeenCalledTimes(2)
    leaveFirst()
    leaveFirst()
    await auth.signOut()
    expect(listener.mock.calls.length).toBeGreaterThan(2)
    expect(listener).toHaveBeenLastCalledWith(auth.getState())
    const heard = listener.mock.calls.length
    leaveSecond()
    await auth.ensureIdentity()
    expect(listener).toHaveBeenCalledTimes(heard)
  })

  test('survives a subscriber that throws', async () => {
    const report = vi.fn()
    vi.stubGlobal('reportError', report)
    const auth = await testBrowser().load({ initialMode: 'anonymous' })
    const other = vi.fn()
    auth.subscribe(() => {
      throw new Error('app bug')
    })
    auth.subscribe(other)
    await auth.ensureIdentity()
    expect(other).toHaveBeenCalled()
    expect(report).toHaveBeenCalledWith(new Error('app bug'))
    vi.unstubAllGlobals()
  })
})

test('developer tools that throw do not keep the client from starting', async () => {
  const report = vi.fn()
  vi.stubGlobal('reportError', report)
  const hook = Symbol.for('latchkey.devtools')
  const mistake = new Error('mistake')
  Object.assign(globalThis, {
    [hook]: {
      register:
        () =>
        ({ event }: { event: string }) => {
          if (event === 'opened') throw mistake
        },
    },
  })
  try {
    const auth = await testBrowser().load()
    expect(auth.getState()).toMatchObject({ authMode: 'local-first', phase: 'ready' })
    expect(report).toHaveBeenCalledWith(mistake)
  } finally {
    Reflect.deleteProperty(globalThis, hook)
    vi.unstubAllGlobals()
  }
})

describe('storage that does not work', () => {
  test('is reported, and never answered with another identity', async () => {
    const store = memoryStore()
    await store.update(() => ({ v: 1, entries: 'damaged' }))
    const auth = await testBrowser(undefined, undefined, store).load()
    expect(auth.getState()).toMatchObject({
      phase: 'ready',
      authMode: 'anonymous',
      session: null,
      storage: { problem: 'KEYSTORE_CORRUPT' },
    })
    await expect(auth.ensureIdentity()).rejects.toMatchObject({ code: 'KEYSTORE_CORRUPT' })
    await expect(auth.getToken()).rejects.toMatchObject({ code: 'KEYSTORE_CORRUPT' })
    expect(await store.read()).toEqual({ v: 1, entries: 'damaged' })
  })

  test('works again as soon as it is back', async () => {
    const store = memoryStore()
    const read = vi.spyOn(store, 'read').mockRejectedValueOnce(new Error('blocked'))
    const auth = await testBrowser(undefined, undefined, store).load()
    expect(auth.getState().storage.problem).toBeDefined()
    await auth.ensureIdentity()
    expect(auth.getState()).toMatchObject({ authMode: 'local-first' })
    expect(auth.getState().storage.problem).toBeUndefined()
    expect(read).toHaveBeenCalled()
  })
})

describe('a secret that was swapped in the store', () => {
  test('signs nothing under the principal of the other', async () => {
    const browser = testBrowser()
    await browser.load()
    await browser.store.update((found) => {
      const keyring = structuredClone(found) as { entries: { secret: string }[] }
      keyring.entries[0]!.secret = 'A'.repeat(43)
      return keyring
    })
    const auth = await browser.load()
    await expect(auth.getToken()).rejects.toMatchObject({ code: 'KEYSTORE_CORRUPT' })
  })
})

describe('a clock that fails', () => {
  const broken: Readonly<Record<string, () => unknown>> = {
    throws: () => {
      throw new Error('no clock')
    },
    'returns a bigint': () => 5n,
    'returns NaN': () => NaN,
    'returns infinity': () => Infinity,
    'returns a Date': () => new Date(),
    'returns nothing': () => undefined,
  }
  for (const [name, clock] of Object.entries(broken))
    test(`and ${name} is replaced by that of the system`, async () => {
      vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-11-30T12:00:00Z') })
      onTestFinished(() => void vi.useRealTimers())
      const browser = testBrowser(undefined, manualClock(Date.now()))
      const auth = await browser.load({ clock: clock as () => number })
      expect(auth.getState()).toMatchObject({ phase: 'ready', authMode: 'local-first' })
      const iat = Date.now() / 1000
      expect(readPayload((await auth.getToken())!)).toMatchObject({ iat, exp: iat + 900 })
      expect(await auth.upgrade(() => browser.account.signUp('ada'))).toMatchObject({ outcome: 'upgraded' })
      await auth.signOut()
    })
})

describe('deriveKey', () => {
  test('gives the same 32 bytes for the same purpose, over reloads', async () => {
    const browser = testBrowser()
    const first = await (await browser.load()).deriveKey('notes')
    const auth = await browser.load()
    expect(first).toHaveLength(32)
    expect(await auth.deriveKey('notes')).toEqual(first)
    expect(await auth.deriveKey('other')).not.toEqual(first)
  })

  test('remembers that something may depend on it', async () => {
    const browser = testBrowser()
    await (await browser.load()).deriveKey('notes')
    expect(await browser.store.read()).toMatchObject({ entries: [{ derived: true }] })
  })

  test('gives nothing where that cannot be remembered', async () => {
    const browser = testBrowser()
    const auth = await browser.load()
    vi.spyOn(browser.store, 'update').mockRejectedValueOnce(new Error('full'))
    await expect(auth.deriveKey('notes')).rejects.toThrow('full')
    expect(await browser.store.read()).toMatchObject({ entries: [{ derived: false }] })
  })

  test('needs a device identity and a purpose', async () => {
    const auth = await testBrowser().load({ initialMode: 'anonymous' })
    await expect(auth.deriveKey('notes')).rejects.toMatchObject({ code: 'IDENTITY_UNKNOWN' })
    await expect(auth.deriveKey('')).rejects.toBeInstanceOf(TypeError)
  })

  test('takes a purpose of 1,024 bytes, and no longer one: engines differ there', async () => {
    const browser = testBrowser()
    const auth = await browser.load({ harden: 'never' })
    expect(await auth.deriveKey('ä'.repeat(512))).toHaveLength(32)
    const tooLong = new TypeError('purpose: expected at most 1024 bytes')
    await expect(auth.deriveKey(`${'ä'.repeat(512)}a`)).rejects.toThrow(tooLong)
  })
})

test('two names never share an identity', async () => {
  vi.stubGlobal('indexedDB', new IDBFactory())
  const [one, other] = [createAuth({ name: 'one' }), createAuth({ name: 'other' })]
  await Promise.all([one.ready, other.ready])
  expect(one.getState().session?.principal).not.toBe(other.getState().session?.principal)
  one.close()
  other.close()
})

test('options that cannot be meant are a TypeError at once', () => {
  expect(() => createAuth({ name: '' })).toThrow(TypeError)
  expect(() => createAuth({ audiences: { 'https://api.example/v1': 'x' } })).toThrow(TypeError)
  expect(() => createAuth({ audiences: { 'api.example': 'x' } })).toThrow(TypeError)
})

test('what it signs holds on a server', async () => {
  const browser = testBrowser()
  const auth = await browser.load()
  const verifier = createTokenVerifier({ audience: 'https://app.example', clock: browser.clock.now })
  const { principal } = await verifier.verify((await auth.getToken())!)
  expect(principal).toBe(auth.getState().session?.principal)
})

describe('a page without IndexedDB, as jsdom and happy-dom make it', () => {
  afterEach(() => void vi.unstubAllGlobals())

  const arrive = (): void => {
    vi.stubGlobal('indexedDB', undefined)
    vi.stubGlobal('location', new URL('http://localhost:3000/'))
    vi.stubGlobal('document', Object.assign(new EventTarget(), { visibilityState: 'visible' }))
    vi.stubGlobal('navigator', { locks: null })
  }

  test('has no identity, and reports why', async () => {
    arrive()
    const auth = createAuth()
    await auth.ready
    const problem = { code: 'KEYSTORE_UNAVAILABLE' }
    expect(auth.getState()).toMatchObject({ session: null, storage: { problem: problem.code } })
    await expect(auth.ensureIdentity()).rejects.toMatchObject(problem)
    await expect(auth.getToken()).rejects.toMatchObject(problem)
    auth.close()
  })

  test('has one in a store that ends with the test', async () => {
    arrive()
    const auth = createAuth({ keystore: memoryStore() })
    await auth.ready
    expect(auth.getState()).toMatchObject({ authMode: 'local-first', phase: 'ready' })
    const { principal } = await auth.ensureIdentity()
    const claims = { sub: principal, aud: 'http://localhost:3000' }
    expect(readPayload((await auth.getToken())!)).toMatchObject(claims)
    auth.close()
  })
})

describe('a page that is a local file', () => {
  test('has no identity that any other local file could read', async () => {
    vi.stubGlobal('location', new URL('file:///home/ada/notes.html'))
    vi.stubGlobal('indexedDB', {
      open() {
        throw new Error('it must not be asked')
      },
    })
    const auth = createAuth()
    await auth.ready
    expect(auth.getState()).toMatchObject({ session: null, storage: { problem: 'KEYSTORE_OPAQUE' } })
    vi.unstubAllGlobals()
  })

  test('gives no token for an origin that all local files share', async () => {
    vi.stubGlobal('location', { origin: 'file://', protocol: 'file:' })
    const auth = createAuth({ keystore: memoryStore() })
    await auth.ready
    await expect(auth.getToken()).rejects.toThrow(TypeError)
    vi.unstubAllGlobals()
  })
})

describe('an origin that names no app', () => {
  afterEach(() => void vi.unstubAllGlobals())

  const SHELLS = [
    'capacitor://localhost',
    'tauri://localhost',
    'app://.',
    'app://0.0.0.0',
    'chrome-extension://abcdef',
    'null',
    // Capacitor and Cordova on Android
    'https://localhost',
    'http://localhost',
    // Tauri on Windows and Android
    'http://tauri.localhost',
    'https://tauri.localhost',
    // WebViewAssetLoader of Android
    'https://appassets.androidplatform.net',
    // Blazor in a WebView, before .NET 9 and since
    'https://0.0.0.0',
    'https://0.0.0.1',
  ]

  test.each(SHELLS)('%s is no default audience: the app has to say it', async (origin) => {
    vi.stubGlobal('location', { origin, protocol: `${origin.split(':')[0]}:` })
    const auth = createAuth({ keystore: memoryStore() })
    await auth.ready
    await expect(auth.getToken()).rejects.toThrow('audience: required')
    const told = createAuth({ keystore: memoryStore(), audience: 'https://app.example' })
    await told.ready
    expect(readPayload((await told.getToken())!)['aud']).toBe('https://app.example')
  })

  const NAMES = [
    'https://app.example',
    'http://localhost:5173',
    'https://localhost:8443',
    'https://notes.localhost',
    'https://localhost.example',
    'http://192.168.0.10',
    'https://10.0.0.0',
  ]

  test.each(NAMES)('%s is one', async (origin) => {
    vi.stubGlobal('location', { origin, protocol: 'https:' })
    const auth = createAuth({ keystore: memoryStore() })
    await auth.ready
    expect(readPayload((await auth.getToken())!)['aud']).toBe(origin)
  })
})

test('without crypto.randomUUID, as on an insecure origin, sign-up and sign-out work', async () => {
  const { randomUUID } = crypto
  Object.defineProperty(crypto, 'randomUUID', { value: undefined, configurable: true })
  try {
    const browser = testBrowser()
    const auth = await browser.load()
    expect(await auth.upgrade(() => browser.account.signUp('ada'))).toMatchObject({ outcome: 'upgraded' })
    await auth.signOut()
    expect(auth.getState().session).toBeNull()
  } finally {
    Object.defineProperty(crypto, 'randomUUID', { value: randomUUID, configurable: true })
  }
})
