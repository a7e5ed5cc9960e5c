import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { newPostgres } from '../better-auth/testing/database.testing.ts'
import { appFolder } from './app.testing.ts'
import { run } from './cli.testing.ts'
import type { Check } from './check.ts'
import { readConfiguration } from './configuration.ts'
import { examine, examineApp } from './doctor.ts'
import { readSettings } from './flags.ts'
import { migrate } from './migrate.ts'

const folder = mkdtempSync(join(tmpdir(), 'latchkey-doctor-'))
afterAll(() => rmSync(folder, { recursive: true }))

const SECRETS = [
  'QmV0dGVyIHRoYW4gYW55dGhpbmcgZWxzZQ1',
  'YW5vdGhlciBvbmUsIGFsc28gbG9uZyBlbm8',
  'dGhlIHRoaXJkIG9mIHRoZW0gYWxsLCB5ZXM',
] as const
const BARE = ['--production', '--base-url=https://id.example', `--data-dir=${folder}/none`, `--secret=${SECRETS[0]}`]
const GOOD = [...BARE, '--proxy-header=x-forwarded-for']

const check = (flags: readonly string[], now: number = Date.now()): Promise<readonly Check[]> =>
  examine(readSettings('doctor', flags, {}), () => now)
const problems = async (...flags: string[]): Promise<string[]> =>
  (await check([...GOOD, ...flags])).filter(({ level }) => level === 'problem').map(({ message }) => message)

describe('latchkey doctor', () => {
  test('finds nothing wrong with a good configuration, and creates no file', async () => {
    expect((await check(GOOD)).map(({ check, level }) => `${check} ${level}`)).toEqual([
      'configuration ok',
      'resolver ok',
      'clock ok',
      'database ok',
    ])
    expect(existsSync(`${folder}/none`)).toBe(false)
  })

  test('warns of a proxy whose clients cannot be told apart', async () => {
    const warnings = async (flags: readonly string[]): Promise<string[]> =>
      (await check(flags)).filter(({ level }) => level === 'warning').map(({ message }) => message)
    expect(await warnings(BARE)).toEqual([expect.stringMatching(/^--proxy-header: .* share one rate limit/)])
    expect(await warnings([...BARE, '--base-url=http://localhost'])).toEqual([])
    expect(await warnings(GOOD)).toEqual([])
  })

  test.each([
    [
      'a key that would act as an HMAC secret',
      ['--jwt-public-key=correct-horse-battery-staple', '--jwt-issuer=https://idp.example', '--jwt-audience=a'],
      'HMAC',
    ],
    [
      'a JWK that is a shared secret',
      ['--jwt-public-key={"kty":"oct","k":"c2VjcmV0"}', '--jwt-issuer=https://idp.example', '--jwt-audience=a'],
      'shared secret',
    ],
    [
      'a private key',
      [
        '--jwt-public-key=-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----',
        '--jwt-issuer=https://idp.example',
        '--jwt-audience=a',
      ],
      'private',
    ],
    [
      'a key and an address of keys',
      [
        '--jwks-url=https://idp.example/jwks',
        '--jwt-public-key=correct-horse-battery-staple',
        '--jwt-issuer=https://idp.example',
        '--jwt-audience=a',
      ],
      'both',
    ],
    ['an issuer without a key', ['--jwt-issuer=https://idp.example'], 'requires --jwks-url or --jwt-public-key'],
    ['a wildcard origin', ['--trusted-origin=https://*.example'], 'wildcard'],
    ['an origin with a path', ['--trusted-origin=https://notes.example/app'], 'without user, path'],
    ['an origin that is none', ['--trusted-origin=null'], 'expected an http(s) origin'],
    ['a short secret', ['--admin-secret=short'], '32 to 1024'],
    ['a secret that can be guessed', ['--admin-secret=changeme-changeme-changeme-changeme'], 'guessed'],
    ['one secret for two things', [`--admin-secret=${SECRETS[0]}`], 'two purposes'],
    [
      'an old backend secret alone',
      ['--old-backend-secret=b25lIHRoYXQgbm9ib2R5IGtub3dzIG9mIGhlcmU'],
      'requires --backend-secret',
    ],
    [
      'an old backend secret that is the present one',
      [`--backend-secret=${SECRETS[0]}`, `--old-backend-secret=${SECRETS[0]}`],
      'two purposes',
    ],
    ['keys that never grow old', ['--rotate-keys=0'], '1 to 365'],
    ['keys whose days are none', ['--rotate-keys=often'], '1 to 365'],
    ['a port that is none', ['--port=99999'], '65535'],
    [
      'a database whose password has a bare %',
      ['--database=postgres://ada:50%off-today-secret@localhost/x'],
      'Write the % in its user or password as %25',
    ],
    [
      'a Redis whose password has a bare %',
      ['--redis=redis://:50%ab-today-secret@127.0.0.1:6379'],
      'Write the % in its user or password as %25',
    ],
    ['a header of addresses that it does not read', ['--proxy-header=Forwarded'], 'Let the proxy send x-forwarded-for'],
    ['two databases', ['--database=postgres://localhost/x'], 'both'],
  ])('finds %s', async (_, flags, word) => {
    const found = await problems(...flags)
    expect(found.join('\n')).toContain(word)
    for (const flag of flags.filter((text) => /secret|public-key/.test(text)))
      expect(found.join('\n')).not.toContain(flag.slice(flag.indexOf('=') + 1))
    expect(found.join('\n')).not.toContain('today')
  })

  test('takes an origin with a slash at its end as the origin', async () => {
    const flags = [...GOOD, '--trusted-origin=https://notes.example/', '--trusted-origin=https://app.example']
    const { configuration, findings } = readConfiguration(readSettings('doctor', flags, {}), true)
    expect(findings).toEqual([])
    expect(configuration.trustedOrigins).toEqual(['https://notes.example', 'https://app.example'])
  })

  test.each(['--audience=', '--host=', '--data-dir= ', '--audience=a --audience='])(
    'refuses %s: an empty value is that of a variable that is not set',
    async (flags) => {
      const given = flags.split(/ (?=--)/)
      expect(() => readSettings('doctor', given, {})).toThrow(/^--(audience|host|data-dir): expected a value/)
    },
  )

  test('finds what production lacks', async () => {
    expect(
      (await check(['--production']))
        .filter(({ level }) => level === 'problem')
        .map(({ message }) => message.split(':')[0]),
    ).toEqual(['--base-url', '--data-dir', '--secret'])
  })

  test('finds a clock that is years behind', async () => {
    expect(await check(GOOD, Date.UTC(2020, 0, 1))).toContainEqual(
      expect.objectContaining({ check: 'clock', level: 'problem' }),
    )
  })

  test('finds a resolver without a lookup, and invalid options', async () => {
    writeFileSync(`${folder}/blind.mjs`, `export default { localFirst: { audience: 'a', afterUpgrade: 'allow' } }`)
    writeFileSync(`${folder}/wrong.mjs`, `export default { localFirst: { audience: 'a' } }`)
    expect(await check([...GOOD, `--resolver=${folder}/blind.mjs`])).toContainEqual(
      expect.objectContaining({
        check: 'resolver',
        level: 'warning',
        message: expect.stringContaining('not looked up'),
      }),
    )
    expect((await problems(`--resolver=${folder}/wrong.mjs`)).join()).toContain('lookup')
    expect((await problems(`--resolver=${folder}/missing.mjs`)).join()).toContain('cannot be loaded')
  })

  test('asks a Postgres for its tables and its clock', async () => {
    const database = await newPostgres()
    const flags = [...GOOD.filter((flag) => !flag.startsWith('--data-dir')), `--database=${database}`]
    const found = await check(flags)
    expect(found).toContainEqual({ check: 'database', level: 'ok', message: 'The database responds.' })
    expect(found.find(({ check }) => check === 'migrations')).toMatchObject({
      level: 'warning',
      message: expect.stringContaining('latchkeyPrincipal'),
    })
    expect(await check(flags, Date.now() + 600_000)).toContainEqual(
      expect.objectContaining({
        check: 'clock',
        level: 'problem',
        message: expect.stringMatching(/(599|600|601) s off/),
      }),
    )
  })

  test('as a process: exit code 1 for a problem, 0 for none, and no password of a database that does not answer', async () => {
    const [good, bad] = await Promise.all([
      run(['doctor', '--json', ...GOOD]),
      run(['doctor', '--database=postgres://somebody:hunter2hunter2@127.0.0.1:1/x']),
    ])
    expect(good.code).toBe(0)
    expect(JSON.parse(good.stdout)).toMatchObject({
      checks: [{ level: 'ok' }, { level: 'ok' }, { level: 'ok' }, { level: 'ok' }],
    })
    expect(bad.code).toBe(1)
    expect(bad.stdout).toContain('Cannot connect to the database')
    expect(bad.stdout + bad.stderr).not.toContain('hunter2')
  })
})

describe('latchkey doctor --auth', () => {
  test.each([
    ['serial', 'integer not null primary key', true],
    ['serial', 'integer primary key autoincrement', false],
    ['uuid', 'text not null primary key', false],
  ])('with ids of kind %s in a column %s finds reused ids: %s', async (kind, column, expected) => {
    const app = appFolder(['better-auth', 'better-sqlite3'])
    app.write(
      'auth.mjs',
      `import Database from 'better-sqlite3'
       const database = new Database(':memory:')
       database.exec('create table "user" ("id" ${column})')
       const plugins = [{ id: 'latchkey' }, { id: 'jwt' }]
       export const auth = { options: { database, advanced: { database: { generateId: '${kind}' } }, plugins } }`,
    )
    const found = await examineApp(join(app.folder, 'auth.mjs'))
    app.remove()
    expect(found[0]).toMatchObject({ check: 'configuration', level: 'ok' })
    const reused = { check: 'database', level: 'problem', message: expect.stringContaining('a deleted user') }
    expect(found).toEqual(expected ? expect.arrayContaining([reused]) : expect.not.arrayContaining([reused]))
  })
})

describe('latchkey doctor --auth checks the database through the adapter of the app', () => {
  /** An app on SQLite, with an adapter of its own that may misbehave. */
  async function examineWith(misbehaviour: string, { own = true, plugins = 'latchkey(), latchkeyJwt()' } = {}) {
    const app = appFolder(['better-auth', 'better-sqlite3'])
    app.write(
      'auth.mjs',
      `import Database from 'better-sqlite3'
       import { betterAuth } from 'better-auth'
       import { getMigrations } from 'better-auth/db/migration'
       import { latchkey, latchkeyJwt } from 'latchkey/better-auth'
       const options = {
         baseURL: 'https://notes.example',
         secret: '${SECRETS[0]}',
         database: new Database(${JSON.stringify(join(app.folder, 'app.sqlite'))}),
         plugins: [${plugins}],
       }
       await (await getMigrations(options)).runMigrations()
       const { adapter } = await betterAuth(options).$context
       const own = () => ({ ...adapter, id: 'own', ...(${misbehaviour}) })
       export const auth = betterAuth({ ...options, database: ${own ? 'own' : 'options.database'} })`,
    )
    const file = join(app.folder, 'auth.mjs')
    const found = (await examineApp(file)).map(({ check, level, message }) => `${level} ${check}: ${message}`)
    const migration = own ? migrate(file).catch((error: Error) => error.message) : 'not run'
    const outcome = { found, migration: await migration }
    app.remove()
    return outcome
  }

  const PLUGINS = expect.stringMatching(/^ok configuration: Better Auth [\d.]+ has the plugins\.$/)
  const good = (adapter: string): string =>
    `ok database: The database (${adapter}) counts matched rows, compares null correctly, keeps columns unique and returns exact dates.`

  test('that of Better Auth', async () => {
    const { found } = await examineWith('{}', { own: false })
    expect(found).toEqual([
      PLUGINS,
      'ok migrations: The database has every table and column.',
      good('kysely'),
      'ok database: Its transactions roll back.',
    ])
  })

  test('one that migrate cannot change', async () => {
    const { found, migration } = await examineWith('{}')
    expect(found).toEqual([PLUGINS, good('own'), 'ok database: Its transactions roll back.'])
    expect(migration).toContain('uses a database adapter')
  })

  test('one without transactions, and one whose transactions do not roll back', async () => {
    const transaction = 'transaction: (callback) => callback(adapter)'
    const without = `{ ${transaction}, options: { ...adapter.options, adapterConfig: { transaction: false } } }`
    const loss = 'The plugin works without them, but what onLink writes stays if the link fails.'
    expect((await examineWith(without)).found.at(-1)).toBe(
      `ok database: The adapter runs without transactions. ${loss}`,
    )
    expect((await examineWith(`{ ${transaction} }`)).found.at(-1)).toBe(
      `warning database: Its transactions do not roll back. ${loss}`,
    )
  })

  test('one that counts nothing', async () => {
    const { found } = await examineWith('{ updateMany: async (query) => (await adapter.updateMany(query)) * 0 }')
    const remedy = 'Use a driver or adapter that counts the rows that an update matched.'
    expect(found[1]).toBe(
      `problem database: The database is unsuitable (own): an update that changed a row reported 0 rows. ${remedy}`,
    )
  })

  test('one whose schema lacks the tables, and one that is gone', async () => {
    const broken = (message: string): string =>
      `{ create: async () => { throw new Error(${JSON.stringify(message)}) } }`
    const lacking = await examineWith(
      broken('[# Drizzle Adapter]: The model "latchkeyKey" was not found in the schema object.'),
    )
    expect(lacking.found.slice(1)).toEqual([expect.stringMatching(/^problem migrations: .* lacks tables or columns/)])
    const gone = await examineWith(broken('connect postgres://app:hunter2hunter2@db:5432/app refused'))
    expect(gone.found.slice(1)).toEqual([
      'problem database: The database does not respond as expected: connect postgres://app:[secret]@db:5432/app refused.',
    ])
  })

  test('not while the plugin is missing', async () => {
    const { found } = await examineWith('{ create: null }', { plugins: '' })
    expect(found).toEqual(['problem configuration: The plugins lack latchkey() and latchkeyJwt().'])
  })
})

describe('the files of a server', () => {
  test('that others can read are a warning each, and a secret file without a secret is a problem', async () => {
    const place = mkdtempSync(join(folder, 'open-'))
    for (const name of ['latchkey.sqlite', 'latchkey.sqlite-wal', 'secret'])
      writeFileSync(join(place, name), '', { mode: 0o644 })
    const found = (await check([`--data-dir=${place}`])).filter(({ check }) => check === 'files')
    expect(found.map(({ level, message }) => `${level}: ${message}`)).toEqual([
      `warning: Other users of this machine can read ${place}/latchkey.sqlite. The next start makes it private.`,
      `warning: Other users of this machine can read ${place}/latchkey.sqlite-wal. The next start makes it private.`,
      `warning: Other users of this machine can read ${place}/secret. The next start makes it private.`,
      `problem: ${place}/secret does not contain a secret; a server would not start.`,
    ])
  })

  test('that only the owner can read are in order', async () => {
    const place = mkdtempSync(join(folder, 'private-'))
    writeFileSync(join(place, 'secret'), SECRETS[0], { mode: 0o600 })
    expect((await check([`--data-dir=${place}`])).filter(({ check }) => check === 'files')).toEqual([])
    writeFileSync(join(place, 'secret'), '')
    // Not used where a secret is configured.
    expect(
      (await check([`--data-dir=${place}`, `--secret=${SECRETS[0]}`])).filter(({ check }) => check === 'files'),
    ).toEqual([])
  })
})
