import { chmodSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { decodeJwt } from 'jose'
import { Client } from 'pg'
import { afterEach, describe, expect, test } from 'vitest'
import { NOW } from '../../lib/tokens/forge.testing.ts'
import { type TestIssuer, startIssuer } from '../../lib/server/external/issuer.testing.ts'
import { backendHeaders } from '../../lib/server.ts'
import { testDevice } from '../../lib/testing.ts'
import { bundle } from '../better-auth/testing/bundle.testing.ts'
import { newPostgres } from '../better-auth/testing/database.testing.ts'
import { MAIN, type RunningServer, run, startServer } from './cli.testing.ts'

const SECRET = 'QmV0dGVyIHRoYW4gYW55dGhpbmcgZWxzZQ1'
const ADMIN = 'YW5vdGhlciBvbmUsIGFsc28gbG9uZyBlbm8'
const BACKEND = 'dGhlIHRoaXJkIG9mIHRoZW0gYWxsLCB5ZXM'
const SECRETS = { LATCHKEY_SECRET: SECRET, LATCHKEY_ADMIN_SECRET: ADMIN, LATCHKEY_BACKEND_SECRET: BACKEND }
const APP = 'https://app.example'
const PASSWORD = 'correct horse battery'

const ended: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ended.splice(0).toReversed()) await end()
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-serve-'))
  ended.push(() => rmSync(folder, { recursive: true }))
  return folder
}

async function server(
  parameters: readonly string[],
  environment: Record<string, string> = SECRETS,
): Promise<RunningServer> {
  const running = await startServer(parameters, environment, await bundle(MAIN))
  ended.push(() => running.child.exitCode === null && running.stop('SIGKILL'))
  return running
}

const json = (body: object, headers: Record<string, string> = {}): RequestInit => ({
  method: 'POST',
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
})
const cookiesOf = (response: Response): string =>
  response.headers
    .getSetCookie()
    .map((cookie) => cookie.split(';')[0])
    .join('; ')

/** Asks for a token by any credential. */
function exchange({ ask, origin }: RunningServer, type: string, token: string, cookie = ''): Promise<Response> {
  const grant = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token_type: type,
    audience: origin,
    ...(token && { subject_token: token }),
  }
  return ask('/api/auth/latchkey/token', json(grant, { origin, ...(cookie && { cookie }) }))
}

const PLACES = {
  'a SQLite file': async () => ['--data-dir', newFolder()],
  Postgres: async () => ['--database', await newPostgres()],
}

describe.each(Object.entries(PLACES))('latchkey on %s', (_, place) => {
  test('lives a whole life: start, sign-up with a proof, exchange, who is asking, operator, retirement, SIGTERM; and nothing secret is in its log', async () => {
    const parameters = await place()
    const running = await server(['dev', ...parameters])
    const { ask, origin } = running
    const device = await testDevice()
    const seen: string[] = [device.secret, PASSWORD, SECRET, ADMIN, BACKEND]

    expect(await (await ask('/health')).json()).toEqual({ ok: true })
    expect(await (await ask('/session')).json()).toMatchObject({ authMode: 'anonymous', principal: null })
    const localFirst = await device.token({ audience: origin })
    expect(await (await ask('/session', { bearer: localFirst })).json()).toMatchObject({
      source: 'local-first',
      principal: device.principal,
    })

    const proof = await device.proof({ audience: `${origin}/api/auth`, purpose: 'upgrade' })
    const email = 'ada@example.com'
    const signUp = await ask(
      '/api/auth/sign-up/email',
      json({ email, password: PASSWORD, name: 'Ada' }, { origin, 'x-latchkey-proof': proof }),
    )
    expect(signUp.status).toBe(200)
    const cookie = cookiesOf(signUp)
    const byCookie = (await (await ask('/session', { headers: { cookie } })).json()) as {
      source: string
      principal: string
    }
    expect(byCookie).toMatchObject({ source: 'cookie', principal: device.principal })

    const exchanged = (await (
      await exchange(running, 'urn:latchkey:params:oauth:token-type:session', '', cookie)
    ).json()) as { access_token: string }
    expect(decodeJwt(exchanged.access_token)).toMatchObject({ iss: origin, aud: origin, sub: byCookie.principal })
    expect(await (await ask('/session', { bearer: exchanged.access_token })).json()).toMatchObject({
      source: 'external',
      principal: byCookie.principal,
    })
    seen.push(
      localFirst,
      proof,
      exchanged.access_token,
      ...cookie.split('; ').map((pair) => pair.slice(pair.indexOf('=') + 1)),
    )

    const account = (await (await ask(`/operator/accounts?email=${email}`, { bearer: ADMIN })).json()) as {
      accountId: string
      principal: string
      audit: { act: string }[]
    }
    expect(account).toMatchObject({ email, principal: byCookie.principal, aliases: [] })
    expect(await (await ask(`/operator/accounts/${account.accountId}`, { bearer: ADMIN })).json()).toEqual(account)
    const principal = (await (
      await ask(`/operator/principals/${account.principal}`, { bearer: ADMIN })
    ).json()) as object
    expect(principal).toMatchObject({ holder: 'account', accountId: account.accountId })
    expect(
      (await ask(`/operator/accounts/${account.accountId}/unlink`, { ...json({ alias: 'nobody' }), bearer: ADMIN }))
        .status,
    ).toBe(404)
    expect((await ask(`/operator/accounts/${account.accountId}/retire`, { ...json({}), bearer: ADMIN })).status).toBe(
      200,
    )
    expect((await ask(`/operator/accounts/${account.accountId}`, { bearer: ADMIN })).status).toBe(404)
    const retired = (await (await ask(`/operator/principals/${account.principal}`, { bearer: ADMIN })).json()) as {
      keys: { retiredAt: number | null }[]
    }
    expect(retired).toMatchObject({ holder: 'retired', accountId: null, audit: [{ act: 'bind' }, { act: 'retire' }] })
    expect(retired.keys.map(({ retiredAt }) => retiredAt)).toEqual([expect.any(Number)])
    const late = await ask('/session', { bearer: await device.token({ audience: origin }) })
    expect([late.status, await late.json()]).toEqual([401, { error: 'unauthenticated', code: 'disabled' }])

    expect(await running.stop()).toBe(0)
    const lines = running
      .log()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { event: string })
    expect(lines.at(-1)).toMatchObject({ event: 'stopped' })
    for (const secret of seen.filter((text) => text.length > 3))
      expect(running.written(), 'a secret is in the log').not.toContain(secret)
    expect(running.written()).not.toMatch(/[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}|ada@|\?email/)
  })

  test('keeps everything across a restart', async () => {
    const parameters = ['dev', ...(await place())]
    const first = await server(parameters)
    const credentials = { email: 'bob@example.com', password: PASSWORD, name: 'Bob' }
    expect((await first.ask('/api/auth/sign-up/email', json(credentials, { origin: first.origin }))).status).toBe(200)
    expect(await first.stop('SIGINT')).toBe(0)
    const second = await server(parameters)
    expect((await second.ask('/api/auth/sign-in/email', json(credentials, { origin: second.origin }))).status).toBe(200)
  })
})

describe('latchkey serve', () => {
  const production = async (...more: string[]): Promise<RunningServer> =>
    server(['serve', '--base-url', 'https://id.example', '--data-dir', newFolder(), ...more])

  test('refuses to start with development defaults', async () => {
    const bare = await run(['serve'])
    expect([bare.code, bare.stdout]).toEqual([1, ''])
    expect(bare.stderr.match(/--[a-z-]+(?=: production)/g)).toEqual(['--base-url', '--data-dir', '--secret'])
    const dev = await run(['dev'], { environment: { NODE_ENV: 'production' } })
    expect(dev.code).toBe(1)
    expect(dev.stderr).toContain('--allow-local-first: must be set explicitly in production')
  })

  test('in production local-first needs its explicit flag, for tokens and for the exchange (checklist 14: the explicit flag)', async () => {
    const device = await testDevice()
    const proof = (): Promise<string> => device.proof({ audience: 'https://id.example/api/auth', purpose: 'exchange' })
    const PROOF = 'urn:latchkey:params:oauth:token-type:proof'
    const without = { ...(await production()), origin: 'https://id.example' }
    expect(
      (await without.ask('/session', { bearer: await device.token({ audience: 'https://id.example' }) })).status,
    ).toBe(401)
    expect(await (await exchange(without, PROOF, await proof())).json()).toMatchObject({ code: 'LOCAL_FIRST_DISABLED' })
    const allowed = { ...(await production('--allow-local-first')), origin: 'https://id.example' }
    expect(
      (await allowed.ask('/session', { bearer: await device.token({ audience: 'https://id.example' }) })).status,
    ).toBe(200)
    expect((await exchange(allowed, PROOF, await proof())).status).toBe(200)
  })

  test('refuses wrong secrets, and opens nothing to a page', async () => {
    const { ask } = await production()
    const path = '/operator/outcomes'
    const statuses = async (...inits: Parameters<typeof ask>[1][]): Promise<number[]> =>
      Promise.all(inits.map(async (init) => (await ask(path, init)).status))
    expect(
      await statuses(
        {},
        { bearer: '' },
        { bearer: SECRET },
        { bearer: BACKEND },
        { bearer: ADMIN.slice(1) },
        { bearer: `${ADMIN}x` },
        { headers: { authorization: `Basic ${ADMIN}` } },
      ),
    ).toEqual([401, 401, 401, 401, 401, 401, 401])
    expect(
      await statuses(
        { bearer: ADMIN, headers: { origin: APP } },
        { bearer: ADMIN, headers: { 'sec-fetch-site': 'same-origin' } },
      ),
    ).toEqual([403, 403])
    expect(await statuses({ bearer: ADMIN })).toEqual([200])
    const speak = (secret: string): Promise<Response> =>
      ask('/session', { headers: backendHeaders(secret, { principal: 'somebody' }) })
    expect((await speak(ADMIN)).status).toBe(401)
    expect(await (await speak(BACKEND)).json()).toMatchObject({ source: 'backend', principal: 'somebody' })
    expect(await (await ask(path, { bearer: ADMIN })).json()).toEqual({
      accepted: { backend: 1 },
      refused: { BACKEND_SECRET_WRONG: 1 },
    })
  })

  test("started several times at one moment on a new folder: one secret, which is the owner's alone", async () => {
    const folder = join(newFolder(), 'below', 'it')
    const running = await Promise.all([1, 2, 3, 4].map(() => server(['dev', '--data-dir', folder], {})))
    expect((await Promise.all(running.map(({ ask }) => ask('/health')))).map(({ status }) => status)).toEqual([
      200, 200, 200, 200,
    ])
    expect(readdirSync(folder).filter((name) => name.startsWith('secret'))).toEqual(['secret'])
    expect([
      statSync(join(folder, 'secret')).mode & 0o777,
      readFileSync(join(folder, 'secret'), 'utf8').length,
    ]).toEqual([0o600, 43])
  })

  test('accepts an old backend secret beside the new one, and logs neither', async () => {
    const old = 'dGhlIG9uZSBiZWZvcmUsIHdoaWNoIGdvZXM'
    const running = await server(['serve', '--base-url', 'https://id.example', '--data-dir', newFolder()], {
      ...SECRETS,
      LATCHKEY_OLD_BACKEND_SECRET: old,
    })
    const speak = async (secret: string): Promise<number> =>
      (await running.ask('/session', { headers: backendHeaders(secret, { principal: 'somebody' }) })).status
    expect([await speak(BACKEND), await speak(old), await speak(ADMIN)]).toEqual([200, 200, 401])
    expect(running.written()).not.toMatch(new RegExp(`${BACKEND}|${old}`))
  })

  test('rotates keys, also one that was created before rotation was enabled, and not at each start', async () => {
    const folder = newFolder()
    const parameters = ['serve', '--base-url', 'https://id.example', '--data-dir', folder]
    const ends = (): (string | null)[] => {
      const file = new Database(join(folder, 'latchkey.sqlite'), { readonly: true })
      const rows = file.prepare('select expiresAt from jwks').all() as { expiresAt: string | null }[]
      file.close()
      return rows.map(({ expiresAt }) => expiresAt)
    }
    const restart = async (...more: string[]): Promise<void> =>
      void (await (await server([...parameters, ...more])).stop())
    await restart()
    expect(ends()).toEqual([null])
    await restart('--rotate-keys', '7')
    const [end] = ends()
    expect(Math.abs(Date.parse(end!) - Date.now() - 7 * 86_400_000)).toBeLessThan(3_600_000)
    await restart('--rotate-keys', '30')
    expect(ends()).toEqual([end])
  })

  test('does not start with another secret than the one that encrypted its signing keys, and doctor says so', async () => {
    const parameters = ['--base-url', 'https://id.example', '--data-dir', newFolder()]
    await (await server(['serve', ...parameters])).stop()
    const environment = { LATCHKEY_SECRET: BACKEND }
    await expect(server(['serve', ...parameters], environment)).rejects.toThrow('another --secret')
    const examined = await run(['doctor', '--production', ...parameters], { environment })
    expect([examined.code, examined.stdout]).toEqual([1, expect.stringContaining('another --secret')])
    const same = await run(['doctor', '--production', ...parameters], { environment: SECRETS })
    expect([same.code, same.stdout]).toEqual([0, expect.not.stringContaining('another --secret')])
  })

  test("ignores the variables of Better Auth: only the server's own flags say whom it trusts and what is secret", async () => {
    const parameters = ['serve', '--base-url', 'https://id.example', '--data-dir', newFolder()]
    const foreign = { BETTER_AUTH_TRUSTED_ORIGINS: 'https://evil.example', BETTER_AUTH_SECRETS: `2:${BACKEND}` }
    const running = await server(parameters, { ...SECRETS, ...foreign })
    const ask = { email: 'ada@example.com', password: PASSWORD, callbackURL: 'https://evil.example/' }
    const answer = await running.ask('/api/auth/sign-in/email', json(ask, { origin: 'https://id.example' }))
    expect([answer.status, await answer.json()]).toEqual([
      403,
      expect.objectContaining({ code: 'INVALID_CALLBACK_URL' }),
    ])
    await running.stop()
    expect((await (await server(parameters)).ask('/health')).status).toBe(200)
  })

  test('has no operator API without an admin secret, and no impersonation without a backend secret (checklist 14: backend secret, admin secret)', async () => {
    const { ask } = await server(['serve', '--base-url', 'https://id.example', '--data-dir', newFolder()], {
      LATCHKEY_SECRET: SECRET,
    })
    expect((await ask('/operator/outcomes', { bearer: ADMIN })).status).toBe(404)
    expect((await ask('/session', { headers: backendHeaders(BACKEND, { principal: 'somebody' }) })).status).toBe(401)
  })

  test('answers preflights of trusted origins alone, and none for the operator', async () => {
    const { ask } = await production('--trusted-origin', APP)
    const preflight = (origin: string, path = '/api/auth/latchkey/session'): Promise<Response> =>
      ask(path, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'GET' } })
    const trusted = await preflight(APP)
    expect([
      trusted.status,
      trusted.headers.get('access-control-allow-origin'),
      trusted.headers.get('access-control-allow-credentials'),
    ]).toEqual([204, APP, 'true'])
    for (const response of [
      await preflight('https://evil.example'),
      await preflight('null'),
      await preflight(APP, '/operator/outcomes'),
    ]) {
      expect(response.headers.get('access-control-allow-origin')).toBeNull()
      expect(response.headers.get('access-control-allow-credentials')).toBeNull()
    }
  })

  test('accepts the tokens of another provider, whose accounts keep one principal', async () => {
    const issuer: TestIssuer = await startIssuer()
    ended.push(() => issuer.close())
    const { ask } = await production(
      '--jwks-url',
      issuer.jwksUrl,
      '--jwt-issuer',
      issuer.issuer,
      '--jwt-audience',
      'https://notes.example',
    )
    const times = { iat: Math.floor(Date.now() / 1000), exp: Math.floor(Date.now() / 1000) + 300 }
    const who = async (): Promise<{ principal: string }> =>
      (await (await ask('/session', { bearer: await issuer.sign(times) })).json()) as { principal: string }
    const { principal } = await who()
    expect(principal).toMatch(/^urn:latchkey:external:/)
    expect(await who()).toMatchObject({ principal, source: 'external' })
    expect((await ask('/session', { bearer: await issuer.sign({ iat: NOW - 1e9, exp: NOW - 1e9 + 1 }) })).status).toBe(
      401,
    )
  })

  test('limits each address by what the proxy in front says, and not by what callers say', async () => {
    const knock = async ({ ask, origin }: RunningServer, forwarded: string): Promise<number> =>
      (await ask('/api/auth/latchkey/challenge', json({ purpose: 'bind' }, { origin, 'x-forwarded-for': forwarded })))
        .status
    const knocks = async (running: RunningServer, addresses: readonly string[]): Promise<number[]> => {
      const statuses: number[] = []
      for (const address of addresses) statuses.push(await knock(running, address))
      return statuses
    }
    // Twenty a minute. The last of a list is what the proxy wrote; the ones before it can be made up.
    const lies = Array.from({ length: 20 }, (_, time) => `203.0.113.${time}, 192.0.2.1`)
    const told = await production('--proxy-header', 'X-Forwarded-For')
    expect(new Set(await knocks(told, lies))).toEqual(new Set([401]))
    expect(await knocks(told, ['192.0.2.1', '203.0.113.99, 192.0.2.1', '192.0.2.2', '192.0.2.1, 192.0.2.3'])).toEqual([
      429, 429, 401, 401,
    ])
    // Without the flag the header is what any caller can send.
    const untold = await production()
    expect(
      new Set(
        await knocks(
          untold,
          lies.map((_, time) => `198.51.100.${time}`),
        ),
      ),
    ).toEqual(new Set([401]))
    expect(await knocks(untold, ['198.51.100.99'])).toEqual([429])
  })

  test("resolves the cookie of every request: this does not count towards any caller's rate limit", async () => {
    const running = await production()
    const signUp = await running.ask(
      '/api/auth/sign-up/email',
      json({ email: 'cy@example.com', password: PASSWORD, name: 'Cy' }, { origin: 'https://id.example' }),
    )
    const cookie = cookiesOf(signUp)
    // Better Auth lets 120 a minute through from one address.
    const answers = await Promise.all(
      Array.from({ length: 130 }, () => running.ask('/session', { headers: { cookie } })),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(await answers.at(-1)!.json()).toMatchObject({ source: 'cookie' })
    const direct: number[] = []
    for (let time = 0; time < 121; time++)
      direct.push(
        (await running.ask('/api/auth/latchkey/session', { headers: { 'x-latchkey-inside': 'made up' } })).status,
      )
    expect([direct.indexOf(429), direct.at(-1)]).toEqual([120, 429])
  })

  test('/health says 503 while the database does not answer, and 200 again once it does; the log names no password', async () => {
    const url = new URL(await newPostgres())
    url.password = 'postgres'
    const database = url.pathname.slice(1)
    const running = await server(['serve', '--base-url', 'https://id.example', '--database', url.href])
    const admin = new Client({ connectionString: new URL('/postgres', url).href })
    await admin.connect()
    ended.push(() => admin.end())
    const health = async (): Promise<unknown[]> => {
      const answer = await running.ask('/health')
      return [answer.status, await answer.json()]
    }
    expect(await health()).toEqual([200, { ok: true }])
    await admin.query(`alter database ${database} allow_connections false`)
    await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [database])
    expect(await health()).toEqual([503, { error: 'database' }])
    expect(
      (await running.ask('/session', { bearer: await (await testDevice()).token({ audience: 'https://id.example' }) }))
        .status,
    ).toBe(401)
    await admin.query(`alter database ${database} allow_connections true`)
    expect(await health()).toEqual([200, { ok: true }])
    expect(await running.stop()).toBe(0)
    expect(running.written()).not.toContain(url.href)
  })

  test('bounds what a request can be, and reflects nothing of it', async () => {
    const { ask, origin, written } = await production()
    expect((await ask('/api/auth/sign-in/email', { method: 'POST', body: 'x'.repeat(1024 * 1024 + 1) })).status).toBe(
      413,
    )
    const answers = await Promise.all(
      ['/nowhere/mallory-was-here', '/operator/principals/%', '//evil.example/api', '/api/auth/mallory-was-here'].map(
        (path) => ask(path),
      ),
    )
    for (const answer of answers) expect(await answer.text()).not.toContain('mallory')
    expect(
      await raw(
        Number(new URL(origin).port),
        'GET http://evil.example/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
      ),
    ).toMatch(/^HTTP\/1.1 400/)
    expect(written()).not.toContain('mallory')
  })

  test('says plainly that a port is taken, a folder cannot be written, a database does not answer; and repeats no password', async () => {
    const taken = await production()
    const file = join(newFolder(), 'file')
    writeFileSync(file, '')
    const outcomes = await Promise.all([
      run(['dev', '--data-dir', newFolder(), '--port', new URL(taken.origin).port]),
      run(['dev', '--port', '0', '--data-dir', join(file, 'below')]),
      run(['dev', '--port', '0', '--database', 'postgres://somebody:hunter2hunter2@127.0.0.1:1/x'], {
        environment: { LATCHKEY_SECRET: SECRET },
      }),
    ])
    expect(outcomes.map(({ code }) => code)).toEqual([1, 1, 1])
    expect(outcomes.map(({ stderr }) => stderr).join()).toMatch(
      /EADDRINUSE[\s\S]*Cannot store the secret in[\s\S]*Cannot connect to the database \(ECONNREFUSED\)/,
    )
    expect(outcomes.map(({ stderr, stdout }) => stderr + stdout).join()).not.toContain('hunter2')
  })
})

/** Sends bytes as they are. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    connect(port, '127.0.0.1')
      .setEncoding('utf8')
      .on('data', (chunk: string) => (answer += chunk))
      .on('end', () => resolve(answer))
      .on('error', reject)
      .end(text)
  })
}

describe('latchkey dev', () => {
  const inNewFolder = (): string => join(newFolder(), '.latchkey')

  test('creates a folder that git ignores, and says how to use the server', async () => {
    const folder = inNewFolder()
    const running = await server(['dev', '--data-dir', folder], {})
    expect(readFileSync(join(folder, '.gitignore'), 'utf8')).toBe('*\n')
    await expect.poll(() => running.written()).toContain(`baseURL: '${running.origin}/api/auth'`)
    for (const text of [folder, 'createAuth', 'createSessionResolver', 'http://localhost:5173'])
      expect(running.written()).toContain(text)
  })

  test('creates no folder where the port is taken', async () => {
    const folder = inNewFolder()
    const taken = await server(['dev', '--data-dir', inNewFolder()], {})
    const { code, stderr } = await run(['dev', '--data-dir', folder, '--port', new URL(taken.origin).port])
    expect([code, existsSync(folder)]).toEqual([1, false])
    expect(stderr).toContain('EADDRINUSE')
  })

  test('trusts the origins of development servers, unless others are named, and serve none', async () => {
    const preflight = {
      method: 'OPTIONS',
      headers: { origin: 'http://localhost:5173', 'access-control-request-method': 'POST' },
    }
    const status = async (parameters: string[], environment = {}): Promise<number> =>
      (await (await server(parameters, environment)).ask('/api/auth/sign-in/email', preflight)).status
    expect(await status(['dev', '--data-dir', inNewFolder()])).toBe(204)
    expect(await status(['dev', '--data-dir', inNewFolder(), '--trusted-origin', APP])).toBe(403)
    const named = ['--trusted-origin', 'http://localhost:5173/', '--trusted-origin', APP]
    expect(await status(['dev', '--data-dir', inNewFolder(), ...named])).toBe(204)
    const production = ['serve', '--data-dir', inNewFolder(), '--base-url', 'https://identity.example']
    expect(await status(production, { LATCHKEY_SECRET: SECRET })).toBe(403)
  })
})

describe('in a folder that others can read', () => {
  const openFolder = (): string => {
    const folder = newFolder()
    chmodSync(folder, 0o755)
    return folder
  }
  const modesIn = (folder: string): Record<string, string> =>
    Object.fromEntries(
      readdirSync(folder).map((name) => [name, (statSync(join(folder, name)).mode & 0o777).toString(8)]),
    )

  test('the database with its log and its lock, and the secret, are for the owner only', async () => {
    const folder = openFolder()
    await server(['dev', '--data-dir', folder], {})
    expect(modesIn(folder)).toEqual({
      'latchkey.sqlite': '600',
      'latchkey.sqlite-shm': '600',
      'latchkey.sqlite-wal': '600',
      'latchkey.sqlite.setup': '600',
      secret: '600',
    })
  })

  test('files of an earlier version become private', async () => {
    const folder = openFolder()
    writeFileSync(join(folder, 'latchkey.sqlite'), '', { mode: 0o644 })
    writeFileSync(join(folder, 'secret'), SECRET, { mode: 0o644 })
    await server(['dev', '--data-dir', folder], {})
    expect(new Set(Object.values(modesIn(folder)))).toEqual(new Set(['600']))
  })

  test.each(['', '\n', 'short'])('a secret file with %j does not start a server, and stays as it is', async (text) => {
    const folder = openFolder()
    writeFileSync(join(folder, 'secret'), text)
    const { code, stderr } = await run(['dev', '--data-dir', folder, '--port', '0'])
    expect([code, stderr]).toEqual([1, expect.stringContaining('does not contain a secret')])
    expect(readFileSync(join(folder, 'secret'), 'utf8')).toBe(text)
  })
})
