import { HocuspocusProvider } from '@hocuspocus/provider'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import * as Y from 'yjs'
import { type SessionResolver, createSessionResolver } from '../../lib/server.ts'
import { type TestIssuer, startIssuer } from '../../lib/server/external/issuer.testing.ts'
import { type TestTime, testTime } from '../../lib/session/session.testing.ts'
import { AUDIENCE, type TestHocuspocus, startHocuspocus, textOf, until } from './hocuspocus.testing.ts'
import { type HocuspocusAuthOptions, hocuspocusAuth } from './server.ts'
import { TOKEN_ACCEPTED, TOKEN_UNCHECKED, ownerOf } from './protocol.ts'

const MINUTE = 60_000
let issuer: TestIssuer
let time: TestTime
let resolver: SessionResolver
let hocuspocus: TestHocuspocus
const opened: (() => unknown)[] = []

beforeAll(async () => void (issuer = await startIssuer()))
afterAll(() => issuer.close())
beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  time = testTime(Math.floor(Date.now() / 1000) * 1000)
  resolver = createSessionResolver({
    external: { issuer: issuer.issuer, jwksUrl: issuer.jwksUrl, audience: AUDIENCE, aliases: true },
    clock: time.clock,
  })
})
afterEach(async () => {
  for (const close of opened.splice(0).toReversed()) await close()
  vi.restoreAllMocks()
})

function tokenOf(sub: string, claims: object = {}, minutes = 15): Promise<string> {
  const iat = Math.floor(time.clock() / 1000)
  return issuer.sign({
    sub,
    aliases: [],
    auth_mode: 'external',
    aud: AUDIENCE,
    iat,
    exp: iat + minutes * 60,
    ...claims,
  })
}

/** A provider that nothing drives, with what it hears. */
interface Client {
  readonly document: Y.Doc
  /** `authenticated`, `refused REASON`, `closed REASON`, or a stateless message. */
  readonly heard: string[]
  readonly provider: HocuspocusProvider
  /** Sends another token in the open document. */
  renew(token: string): void
}

async function serve(options: HocuspocusAuthOptions = {}): Promise<void> {
  hocuspocus = await startHocuspocus(resolver, { clock: time.clock, timer: time.timer, ...options })
  opened.push(hocuspocus.close)
}

function connect(name: string, first: string): Client {
  const [heard, document]: [string[], Y.Doc] = [[], new Y.Doc()]
  let token = first
  const provider = new HocuspocusProvider({ url: hocuspocus.url, name, document, token: () => token })
  provider.on('authenticated', () => heard.push('authenticated'))
  provider.on('authenticationFailed', ({ reason }: { reason: string }) => heard.push(`refused ${reason}`))
  provider.on('close', ({ event }: { event: { reason: string } }) => heard.push(`closed ${event.reason}`))
  provider.on('stateless', ({ payload }: { payload: string }) => heard.push(payload))
  opened.push(async () => {
    await until(() => expect(provider.configuration.websocketProvider.status).not.toBe('connecting'))
    provider.destroy()
  })
  return { document, heard, provider, renew: (next) => ((token = next), void provider.sendToken()) }
}

describe('the owner in the name of a document', () => {
  test.each([
    ['notes:ada', 'ada'],
    ['notes:https://issuer.example|ada', 'https://issuer.example|ada'],
    ['notes:', ''],
    ['notes', null],
    ['', null],
  ])('of %j is %j', (name, owner) => expect(ownerOf(name)).toBe(owner))

  test.each([
    ['their own', 'notes:ada', 'authenticated'],
    ['that of an adopted principal', 'notes:device', 'authenticated'],
    ["another user's", 'notes:bob', 'refused forbidden'],
    ['without an owner', 'notes', 'refused forbidden'],
    ['one without a name', 'notes:', 'refused forbidden'],
  ])('opens a user %s accordingly: %s', async (_, name, outcome) => {
    await serve()
    const client = connect(name, await tokenOf('ada', { aliases: ['device'] }))
    await until(() => expect(client.heard).toEqual([outcome]))
  })
})

describe('a first token', () => {
  test('that is missing opens nothing', async () => {
    await serve()
    const client = connect('notes:ada', '')
    await until(() => expect(client.heard).toEqual(['refused missing']))
    expect(hocuspocus.open()).toEqual([])
  })

  test('that is not valid opens nothing, and says why', async () => {
    await serve()
    const [expired, invalid] = [await tokenOf('ada', {}, -1), `${(await tokenOf('ada')).slice(0, -4)}AAAA`]
    const clients = [expired, invalid, 'nonsense'].map((token) => connect('notes:ada', token))
    await until(() =>
      expect(clients.map(({ heard }) => heard)).toEqual([
        ['refused expired'],
        ['refused invalid'],
        ['refused invalid'],
      ]),
    )
  })

  test('that cannot be checked is not refused: the error of the lookup is reported', async () => {
    const error = new Error('no database')
    const faults: unknown[] = []
    resolver = { ...resolver, resolve: () => Promise.reject(error) }
    await serve({ onError: (found) => void faults.push(found) })
    const client = connect('notes:ada', 'any')
    await until(() => expect(client.heard).toEqual(['refused unavailable']))
    expect(faults).toEqual([error])
  })

  test.each([false, true, undefined, 'all'])('opens nothing if `authorize` answers %j', async (answer) => {
    await serve({ authorize: () => answer as never })
    const client = connect('notes:ada', await tokenOf('ada'))
    await until(() => expect(client.heard).toEqual(['refused forbidden']))
    expect(hocuspocus.open()).toEqual([])
  })

  test('is read by a resolver that takes tokens from another header', async () => {
    resolver = createSessionResolver({
      external: { issuer: issuer.issuer, jwksUrl: issuer.jwksUrl, audience: AUDIENCE, aliases: true },
      clock: time.clock,
      tokenHeader: 'x-notes-authorization',
    })
    await serve()
    const client = connect('notes:ada', await tokenOf('ada'))
    await until(() => expect(client.heard).toEqual(['authenticated']))
  })
})

describe('an open document', () => {
  async function open(options: HocuspocusAuthOptions = {}, claims: object = {}, name = 'notes:ada'): Promise<Client> {
    await serve(options)
    const client = connect(name, await tokenOf('ada', claims))
    await until(() => expect(hocuspocus.open()).toEqual([name]))
    // The server has called every hook of the opening.
    client.document.getText('notes').insert(0, '.')
    await until(() => expect(hocuspocus.text(name)).toBe('.'))
    return client
  }

  test('is closed when its token expires, and not a moment before', async () => {
    const { heard } = await open()
    await time.advance(15 * MINUTE - 1)
    expect(hocuspocus.open()).toEqual(['notes:ada'])
    await time.advance(1)
    expect(hocuspocus.open()).toEqual([])
    await until(() => expect(heard).toEqual(['authenticated', 'closed expired']))
  })

  test('takes no message after that, even if the timer is late', async () => {
    const { document, heard } = await open()
    time.jump(15 * MINUTE)
    document.getText('notes').insert(0, 'late')
    await until(() => expect(heard).toContain('closed expired'))
    expect(hocuspocus.text('notes:ada')).toBe('.')
  })

  test('goes on with a new token, and with its session in the context', async () => {
    const { document, heard, renew } = await open()
    await time.advance(10 * MINUTE)
    renew(await tokenOf('ada', { aliases: ['device'] }))
    await until(() => expect(heard).toContain(TOKEN_ACCEPTED))
    await time.advance(10 * MINUTE)
    document.getText('notes').insert(0, 'later')
    await until(() => expect(hocuspocus.text('notes:ada')).toBe('later.'))
    expect(hocuspocus.writers.at(-1)?.principals).toEqual(['ada', 'device'])
  })

  test.each([
    ['of another principal', 'invalid', () => tokenOf('bob')],
    ['with other roles', 'ROLES_MISMATCH', () => tokenOf('ada', { role: 'editor' })],
    ['that is not signed', 'invalid', async () => `${(await tokenOf('ada')).slice(0, -4)}AAAA`],
    ['that has expired', 'expired', () => tokenOf('ada', {}, -1)],
  ])('is closed by a new token %s', async (_, reason, token) => {
    const { heard, renew } = await open()
    renew(await token())
    await until(() => expect(heard.at(-1)).toBe(`closed ${reason}`))
    expect(hocuspocus.open()).toEqual([])
  })

  test('is judged again with each new token', async () => {
    let access: 'read-write' | 'readonly' | null = 'read-write'
    const { document, heard, renew } = await open({ authorize: () => access })
    access = 'readonly'
    renew(await tokenOf('ada', { jti: '1' }))
    await until(() => expect(heard.at(-1)).toBe(TOKEN_ACCEPTED))
    document.getText('notes').insert(0, 'no')
    access = null
    renew(await tokenOf('ada', { jti: '2' }))
    await until(() => expect(heard.at(-1)).toBe('closed forbidden'))
    expect(hocuspocus.text('notes:ada')).toBe('.')
    expect(textOf(document)).toBe('no.')
  })

  test('goes on with the token before, if a new one cannot be checked', async () => {
    const authorize = vi.fn<NonNullable<HocuspocusAuthOptions['authorize']>>(() => 'read-write')
    const faults: unknown[] = []
    const { document, heard, renew } = await open({ authorize, onError: (found) => void faults.push(found) })
    authorize.mockRejectedValueOnce(new Error('no database'))
    renew(await tokenOf('ada', { jti: '1' }))
    await until(() => expect(heard.at(-1)).toBe(TOKEN_UNCHECKED))
    expect(faults).toMatchObject([{ message: 'no database' }])
    document.getText('notes').insert(0, 'on')
    await until(() => expect(hocuspocus.text('notes:ada')).toBe('on.'))
  })

  test.each([
    ['fails', () => Promise.reject(new Error('no database'))],
    ['never answers', () => new Promise<never>(() => {})],
  ])('is closed when the token before expires, if `authorize` %s', async (how, answer) => {
    const authorize = vi.fn<NonNullable<HocuspocusAuthOptions['authorize']>>(() => 'read-write')
    const { document, heard, renew } = await open({ authorize, onError: () => {} })
    authorize.mockImplementation(answer)
    await time.advance(10 * MINUTE)
    renew(await tokenOf('ada', { jti: '1' }))
    if (how === 'fails') await until(() => expect(heard.at(-1)).toBe(TOKEN_UNCHECKED))
    else await until(() => expect(authorize).toHaveBeenCalledTimes(2))
    document.getText('notes').insert(0, 'on')
    await until(() => expect(hocuspocus.text('notes:ada')).toBe('on.'))
    expect(hocuspocus.writers.at(-1)?.claims).not.toHaveProperty('jti')
    await time.advance(5 * MINUTE)
    expect(hocuspocus.open()).toEqual([])
    await until(() => expect(heard.at(-1)).toBe('closed expired'))
  })

  test.each([
    ['of another principal', () => tokenOf('bob')],
    ['that may not open it', () => tokenOf('ada', { jti: 'no' })],
  ])('takes no message once it was closed by a new token %s', async (_, token) => {
    const { document, heard, renew } = await open({
      authorize: ({ session }) => (session.claims['jti'] === 'no' ? null : 'read-write'),
    })
    renew(await token())
    await until(() => expect(heard.at(-1)).toMatch(/^closed /))
    document.getText('notes').insert(0, 'late')
    await until(() => expect(textOf(document)).toBe('late.'))
    expect(hocuspocus.text('notes:ada')).toBe('.')
  })

  test('takes no message that was sent right behind a refused token', async () => {
    const { document, heard, provider } = await open()
    const refused = await tokenOf('bob')
    provider.configuration.token = refused
    await provider.sendToken()
    document.getText('notes').insert(0, 'late')
    await until(() => expect(heard.at(-1)).toMatch(/^closed /))
    expect(hocuspocus.text('notes:ada')).toBe('.')
  })

  test('that the client closes is no error', async () => {
    // Hocuspocus logs errors with the name of the document, and other servers of this process log theirs.
    const name = 'closed by the client:ada'
    const { document, provider } = await open({}, {}, name)
    provider.detach()
    document.getText('notes').insert(0, 'here only')
    await until(() => expect(hocuspocus.open()).toEqual([]))
    expect(vi.mocked(console.error).mock.calls.join('\n')).not.toContain(name)
  })

  test('leaves no timer behind', async () => {
    await open()
    hocuspocus.closeDocuments('bye')
    expect(time.waiting()).toBe(0)
  })
})

test.each([{ authorize: 'all' }, { longest: -1 }, { authorise: () => null }])(
  'invalid options are refused: %j',
  (options) => {
    expect(() => hocuspocusAuth(resolver, options as never)).toThrow(TypeError)
  },
)
