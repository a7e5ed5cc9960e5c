import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type AccountSession, type Auth, type AuthOptions, createAuth, memoryStore } from '../../lib/index.ts'
import {
  type BindingStore,
  createBinderHandler,
  createExternalBinder,
  createSessionResolver,
  memoryBindingStore,
} from '../../lib/server.ts'
import { type TestDevice, testDevice } from '../../lib/testing.ts'
import { type TestIssuer, startIssuer } from '../../lib/server/external/issuer.testing.ts'
import { tokenAccount } from './index.ts'
// Loaded in advance: the time limit of the client is for a network, not for a compiler.
import '../../lib/client/lazy.ts'

const SERVER = 'https://notes.example/identity'
const APP = 'https://notes.example'
const DAY = 86_400_000

let issuer: TestIssuer
beforeAll(async () => void (issuer = await startIssuer()))
afterAll(() => issuer.close())

/** A server, and browsers that sign in at the provider. */
function world({ store, ...more }: { store?: BindingStore; freshAge?: number } = {}) {
  let now = Date.now()
  const clock = () => now
  const binder = createExternalBinder({
    issuers: [{ issuer: issuer.issuer, jwksUrl: issuer.jwksUrl }],
    store: store ?? memoryBindingStore(clock),
    audience: SERVER,
    secret: 'a secret of at least thirty-two characters',
    clock,
    ...more,
  })
  const handle = createBinderHandler({ binder, clock })
  const tokenOf = (sub: string, claims: object = {}) => {
    const iat = Math.floor(now / 1000)
    return issuer.sign({ sub, iat, exp: iat + 300, ...claims } as never)
  }
  /** One browser: who is signed in, its account provider and its client. */
  function browser() {
    const state = { user: null as string | null, sessions: 0, claims: {} as object }
    const provider = tokenAccount({
      getToken: () =>
        state.user === null ? null : tokenOf(state.user, { sid: `s-${state.sessions}`, ...state.claims }),
      signOut: () => void (state.user = null),
      server: SERVER,
      fetch: async (input, init) => handle(new Request(input, init)),
    })
    const signIn = (user: string) => void ((state.user = user), state.sessions++)
    const load = async (options: AuthOptions = {}): Promise<Auth> => {
      const auth = createAuth({
        account: provider,
        keystore: memoryStore(),
        audience: APP,
        harden: 'never',
        ...options,
      })
      await auth.ready
      return auth
    }
    return { state, provider, signIn, load }
  }
  /** Sends a request of a hand-made client, and returns status, code and the rest. */
  async function send(path: string, body: object, token?: string) {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const response = await handle(
      new Request(`${SERVER}${path}`, { method: 'POST', body: JSON.stringify(body), headers }),
    )
    const answer = (await response.json()) as {
      code?: string
      nonce?: string
      session?: AccountSession
      isKnown?: boolean
    }
    return { status: response.status, ...answer }
  }
  const challenge = async (purpose: string, token: string) => (await send('/challenge', { purpose }, token)).nonce!
  const principalOf = async (user: string) => (await binder.principalOf(await tokenOf(user))).principal
  const prove = (device: TestDevice, claims: object) =>
    device.proof({ audience: SERVER, now: Math.floor(now / 1000), ...claims } as never)
  /** Adopts as a client does. */
  async function link(user: string, device: TestDevice, more: object = {}) {
    const token = await tokenOf(user, more)
    const nonce = await challenge('link', token)
    return send(
      '/link',
      { nonce, proof: await prove(device, { purpose: 'link', nonce, linkTo: await principalOf(user) }) },
      token,
    )
  }
  async function unlink(user: string, alias: string, more: object = {}) {
    const token = await tokenOf(user, more)
    return send('/unlink', { alias, nonce: await challenge('unlink', token) }, token)
  }
  const aliasesOf = async (user: string) => (await binder.look(await tokenOf(user), true)).aliases
  const wait = (milliseconds: number) => void (now += milliseconds)
  return { binder, handle, browser, send, challenge, principalOf, prove, link, unlink, aliasesOf, tokenOf, wait, clock }
}

describe('a device with data, and an account of another provider that has a principal', () => {
  async function conflict(more: Parameters<typeof world>[0] = {}) {
    const { browser, ...server } = world(more)
    const phone = browser()
    await (await phone.load()).upgrade(() => phone.signIn('ada'))
    const laptop = browser()
    const auth = await laptop.load()
    await auth.markWritten()
    const { principal } = auth.getState().session!
    expect(await auth.upgrade(() => laptop.signIn('ada'))).toMatchObject({ outcome: 'conflict' })
    return { ...server, auth, principal, phone, laptop }
  }

  test('the preview says that the account can adopt', async () => {
    const { auth } = await conflict()
    expect(await auth.previewConflict()).toMatchObject({ canAdopt: true, isTaken: false })
  })

  test('an adoption makes the principal an alias, on every device', async () => {
    const { auth, principal, phone, principalOf } = await conflict()
    expect(await auth.resolveConflict('adopt')).toMatchObject({
      outcome: 'adopted',
      session: { principals: [await principalOf('ada'), principal], authMode: 'external' },
    })
    expect((await phone.provider.getSession())!.aliases).toEqual([principal])
  })

  test('an undo gives it up, and the account can adopt it again', async () => {
    const { auth, principal, link, aliasesOf, principalOf } = await conflict()
    await auth.resolveConflict('adopt')
    expect(await auth.unlinkAlias(principal)).toMatchObject({ principals: [await principalOf('ada')] })
    expect(await aliasesOf('ada')).toEqual([])
    expect(await link('ada', await testDevice())).toMatchObject({ status: 200 })
  })

  test('a full account cannot adopt, and the preview says so', async () => {
    const { auth, link, aliasesOf } = await conflict()
    for (let count = 0; count < 16; count++)
      expect(await link('ada', await testDevice())).toMatchObject({ status: 200 })
    expect(await auth.previewConflict()).toMatchObject({ canAdopt: false })
    expect(await auth.resolveConflict('adopt')).toMatchObject({ outcome: 'failed', error: { code: 'ALIASES_FULL' } })
    expect(await aliasesOf('ada')).toHaveLength(16)
    expect(auth.getState()).toMatchObject({ phase: 'conflict', session: { authMode: 'local-first' } })
  })

  test('a store without aliases adopts nothing, and the preview says so', async () => {
    const { find, insert, useOnce } = memoryBindingStore()
    const { auth, send, tokenOf } = await conflict({ store: { find, insert, useOnce } })
    expect(await auth.previewConflict()).toMatchObject({ canAdopt: false })
    expect(await auth.resolveConflict('adopt')).toMatchObject({
      outcome: 'failed',
      error: { code: 'PROVIDER_REFUSED' },
    })
    for (const path of ['/link', '/unlink', '/known'])
      expect(await send(path, {}, await tokenOf('ada'))).toMatchObject({ status: 404 })
  })

  test('a preview without a response of the server assumes that adoption is possible', async () => {
    const { auth, laptop } = await conflict()
    laptop.provider.getSession = () => Promise.reject(new Error('unreachable'))
    expect(await auth.previewConflict()).toMatchObject({ canAdopt: true })
  })
})

describe('an adoption', () => {
  test('is refused with the token of another account', async () => {
    const { send, challenge, tokenOf, prove, principalOf, aliasesOf } = world()
    const [device, ada, eve] = [await testDevice(), await tokenOf('ada'), await tokenOf('eve')]
    const nonce = await challenge('link', ada)
    const proof = await prove(device, { purpose: 'link', nonce, linkTo: await principalOf('ada') })
    await principalOf('eve')
    expect(await send('/link', { nonce, proof }, eve)).toMatchObject({ status: 401, code: 'PROOF_NONCE_MISMATCH' })
    expect([await aliasesOf('ada'), await aliasesOf('eve')]).toEqual([[], []])
  })

  test('is refused with a nonce of its own and a proof for another account', async () => {
    const { send, challenge, tokenOf, prove, principalOf, aliasesOf } = world()
    const [device, eve] = [await testDevice(), await tokenOf('eve')]
    await principalOf('eve')
    const nonce = await challenge('link', eve)
    const proof = await prove(device, { purpose: 'link', nonce, linkTo: await principalOf('ada') })
    expect(await send('/link', { nonce, proof }, eve)).toMatchObject({ status: 401, code: 'PROOF_LINK_MISMATCH' })
    expect(await aliasesOf('eve')).toEqual([])
  })

  test('is refused without a token', async () => {
    const { send, challenge, tokenOf, prove, principalOf, aliasesOf } = world()
    const nonce = await challenge('link', await tokenOf('ada'))
    const proof = await prove(await testDevice(), { purpose: 'link', nonce, linkTo: await principalOf('ada') })
    expect(await send('/link', { nonce, proof })).toMatchObject({ status: 401, code: 'CREDENTIAL_MISSING' })
    expect(await aliasesOf('ada')).toEqual([])
  })

  test('is refused without a proof of the alias, and with a proof for another purpose', async () => {
    const { send, challenge, tokenOf, prove, principalOf, aliasesOf } = world()
    const [device, token] = [await testDevice(), await tokenOf('ada')]
    await principalOf('ada')
    const nonce = await challenge('link', token)
    expect(await send('/link', { nonce }, token)).toMatchObject({ status: 400, code: 'BODY_INVALID' })
    const proof = await prove(device, { purpose: 'bind', nonce })
    expect(await send('/link', { nonce, proof }, token)).toMatchObject({ status: 401, code: 'PROOF_PURPOSE_MISMATCH' })
    expect(await aliasesOf('ada')).toEqual([])
  })

  test('is refused with a nonce for another operation', async () => {
    const { send, challenge, tokenOf, prove, principalOf } = world()
    const token = await tokenOf('ada')
    const linkTo = await principalOf('ada')
    for (const purpose of ['bind', 'unlink']) {
      const nonce = await challenge(purpose, token)
      const proof = await prove(await testDevice(), { purpose: 'link', nonce, linkTo })
      expect(await send('/link', { nonce, proof }, token)).toMatchObject({ code: 'PROOF_NONCE_MISMATCH' })
    }
  })

  test('is refused with a proof that was sent before, also after an undo', async () => {
    const { send, challenge, tokenOf, prove, principalOf, unlink, aliasesOf } = world()
    const [device, token] = [await testDevice(), await tokenOf('ada')]
    const nonce = await challenge('link', token)
    const proof = await prove(device, { purpose: 'link', nonce, linkTo: await principalOf('ada') })
    expect(await send('/link', { nonce, proof }, token)).toMatchObject({ status: 200 })
    await unlink('ada', device.principal)
    expect(await send('/link', { nonce, proof }, token)).toMatchObject({ status: 401, code: 'PROOF_REPLAYED' })
    expect(await aliasesOf('ada')).toEqual([])
  })

  test("takes no principal of another account, whether it is the account's own or its alias", async () => {
    const { browser, link, principalOf, aliasesOf } = world()
    const [alias, own] = [await testDevice(), await testDevice()]
    const ada = browser()
    ada.signIn('ada')
    await ada.provider.bind!((nonce) => own.proof({ audience: SERVER, purpose: 'bind', nonce }))
    await link('ada', alias)
    await principalOf('eve')
    for (const device of [own, alias])
      expect(await link('eve', device)).toMatchObject({ status: 409, code: 'PRINCIPAL_TAKEN' })
    expect([await aliasesOf('ada'), await aliasesOf('eve')]).toEqual([[alias.principal], []])
  })

  test('of an account without a principal is refused: it binds', async () => {
    const { send, challenge, tokenOf, prove } = world()
    const token = await tokenOf('new')
    const nonce = await challenge('link', token)
    const proof = await prove(await testDevice(), { purpose: 'link', nonce, linkTo: 'any' })
    expect(await send('/link', { nonce, proof }, token)).toMatchObject({ status: 409, code: 'ACCOUNT_OPEN' })
  })

  test('can be repeated', async () => {
    const { link, principalOf, aliasesOf } = world()
    const device = await testDevice()
    await principalOf('ada')
    for (let time = 0; time < 2; time++) expect(await link('ada', device)).toMatchObject({ status: 200 })
    expect(await aliasesOf('ada')).toEqual([device.principal])
  })
})

describe('an undo', () => {
  test('by another account is refused', async () => {
    const { link, unlink, principalOf, aliasesOf } = world()
    const device = await testDevice()
    await Promise.all([principalOf('ada'), principalOf('eve')])
    await link('ada', device)
    expect(await unlink('eve', device.principal)).toMatchObject({ status: 404, code: 'ALIAS_UNKNOWN' })
    expect(await aliasesOf('ada')).toEqual([device.principal])
  })

  test("with another account's nonce is refused, and with one that was used", async () => {
    const { send, link, challenge, tokenOf, principalOf, aliasesOf } = world()
    const [one, two] = [await testDevice(), await testDevice()]
    await principalOf('ada')
    await link('ada', one)
    await link('ada', two)
    const [ada, eve] = [await tokenOf('ada'), await tokenOf('eve')]
    const theirs = await challenge('unlink', eve)
    expect(await send('/unlink', { alias: one.principal, nonce: theirs }, ada)).toMatchObject({
      code: 'PROOF_NONCE_MISMATCH',
    })
    const nonce = await challenge('unlink', ada)
    expect(await send('/unlink', { alias: one.principal, nonce }, ada)).toMatchObject({ status: 200 })
    expect(await send('/unlink', { alias: two.principal, nonce }, ada)).toMatchObject({ code: 'PROOF_REPLAYED' })
    expect(await aliasesOf('ada')).toEqual([two.principal])
  })

  test("of the account's own principal is refused", async () => {
    const { unlink, principalOf } = world()
    const principal = await principalOf('ada')
    expect(await unlink('ada', principal.slice(0, 64))).toMatchObject({ status: 404, code: 'ALIAS_UNKNOWN' })
    expect(await principalOf('ada')).toBe(principal)
  })

  test('keeps the principal for its account for 30 days', async () => {
    const { link, unlink, principalOf, wait, aliasesOf } = world()
    const device = await testDevice()
    await Promise.all([principalOf('ada'), principalOf('eve')])
    await link('ada', device)
    await unlink('ada', device.principal)
    wait(30 * DAY - 1000)
    expect(await link('eve', device)).toMatchObject({ code: 'PRINCIPAL_TAKEN' })
    wait(1000)
    expect(await link('eve', device)).toMatchObject({ status: 200 })
    expect([await aliasesOf('ada'), await aliasesOf('eve')]).toEqual([[], [device.principal]])
  })
})

describe('an account whose sign-in is long ago', () => {
  const old = (clock: () => number, age: number) => ({ auth_time: Math.floor((clock() - age) / 1000) })

  test('neither adopts, nor gives up, nor binds', async () => {
    const { send, link, unlink, challenge, tokenOf, prove, principalOf, aliasesOf, clock } = world()
    const device = await testDevice()
    await principalOf('ada')
    await link('ada', device)
    const more = old(clock, DAY)
    const refused = { status: 403, code: 'SESSION_NOT_FRESH' }
    expect(await link('ada', await testDevice(), more)).toMatchObject(refused)
    expect(await unlink('ada', device.principal, more)).toMatchObject(refused)
    const token = await tokenOf('new', more)
    const nonce = await challenge('bind', token)
    const proof = await prove(await testDevice(), { purpose: 'bind', nonce })
    expect(await send('/bind', { nonce, proof }, token)).toMatchObject(refused)
    expect(await aliasesOf('ada')).toEqual([device.principal])
  })

  test('does so with a younger sign-in, or with freshAge 0', async () => {
    const one = world()
    await one.principalOf('ada')
    expect(await one.link('ada', await testDevice(), old(one.clock, DAY - 2000))).toMatchObject({ status: 200 })
    const two = world({ freshAge: 0 })
    await two.principalOf('ada')
    expect(await two.link('ada', await testDevice(), old(two.clock, 400 * DAY))).toMatchObject({ status: 200 })
    expect(() => world({ freshAge: Number.NaN })).toThrow('freshAge')
  })
})

test('a binding that the client means for another account is refused', async () => {
  const { send, challenge, tokenOf, prove, binder } = world()
  const token = await tokenOf('ada')
  const nonce = await challenge('bind', token)
  const proof = await prove(await testDevice(), { purpose: 'bind', nonce })
  const accountId = JSON.stringify([issuer.issuer, 'eve'])
  expect(await send('/bind', { nonce, proof, accountId }, token)).toMatchObject({ code: 'PROOF_IDENTIFIER_MISMATCH' })
  expect((await binder.look(token, true)).binding).toBeNull()
})

describe('whether a device is known', () => {
  test('is asked with a proof, and without a token', async () => {
    const { browser, link, unlink, principalOf } = world()
    const [device, account] = [await testDevice(), browser().provider]
    const ask = () => account.isKnown!(() => device.proof({ audience: SERVER, purpose: 'known' }))
    await principalOf('ada')
    expect(await ask()).toBe(false)
    await link('ada', device)
    expect(await ask()).toBe(true)
    await unlink('ada', device.principal)
    expect(await ask()).toBe(true)
  })

  test('is not answered to a proof that was sent before, or that is for another purpose', async () => {
    const { send, prove } = world()
    const device = await testDevice()
    const proof = await prove(device, { purpose: 'known' })
    expect(await send('/known', { proof })).toMatchObject({ status: 200, isKnown: false })
    expect(await send('/known', { proof })).toMatchObject({ status: 401, code: 'PROOF_REPLAYED' })
    const other = await prove(device, { purpose: 'exchange' })
    expect(await send('/known', { proof: other })).toMatchObject({ status: 401, code: 'PROOF_PURPOSE_MISMATCH' })
    expect(await send('/known', {})).toMatchObject({ status: 400, code: 'BODY_INVALID' })
  })
})

test("a device's key acts alone until its principal belongs to an account, and again after an undo", async () => {
  const { binder, link, unlink, principalOf } = world()
  const device = await testDevice()
  await principalOf('ada')
  const resolver = createSessionResolver({ localFirst: { audience: APP, lookup: binder.lookup } })
  const look = async () => {
    const authorization = `Bearer ${await device.token({ audience: APP })}`
    return resolver.resolve(new Request(APP, { headers: { authorization } }))
  }
  expect(await look()).toMatchObject({ ok: true })
  await link('ada', device)
  expect(await look()).toMatchObject({ ok: false, error: 'disabled' })
  await unlink('ada', device.principal)
  expect(await look()).toMatchObject({ ok: true })
})
