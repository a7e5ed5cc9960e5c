import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { Client } from 'pg'
import { afterEach, describe, expect, test } from 'vitest'
import { APP_ENGINES, type AppEngine, type AppFolder, appFolder } from './app.testing.ts'

const PROGRAM = fileURLToPath(new URL('../../dist/adapters/cli/main.js', import.meta.url))

const folders: AppFolder[] = []
afterEach(() => folders.splice(0).forEach((app) => app.remove()))

const ALL = 'latchkey(), latchkeyJwt()'

/** The options that the app had before; what the tests change is in `plugins`. */
const authOf = (plugins: string, db = './db.mjs'): string => `
export { database } from '${db}'
import { betterAuth } from 'better-auth'
import { latchkey, latchkeyJwt } from 'latchkey/better-auth'
import { database } from '${db}'

export const auth = betterAuth({
  baseURL: 'https://notes.example',
  secret: 'QmV0dGVyIHRoYW4gYW55dGhpbmcgZWxzZQ1',
  database,
  emailAndPassword: { enabled: true },
  logger: { disabled: true },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  plugins: [${plugins}],
})
`

/** Steps in the app. Each program opens the database itself, and closes it. */
const programOf = (file: string, steps: string): string => `
import { auth, database } from './${file}'
import { getMigrations } from 'better-auth/db/migration'

const { adapter } = await auth.$context
const post = (path, body) => auth.handler(new Request('https://notes.example/api/auth' + path, {
  method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', origin: 'https://notes.example' },
}))
const rows = async (model) => (await adapter.findMany({ model, sortBy: { field: 'id', direction: 'asc' } }))
  .map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => !/^(principal|sid$|device|pairedBy)/.test(name))))

export const result = await (async () => { ${steps} })()
await (database.close ?? database.end).call(database)
`

interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

function node(cwd: string, ...parameters: string[]): Promise<Ran> {
  return new Promise((resolve) =>
    execFile(process.execPath, parameters, { cwd, env: { PATH: process.env['PATH'] } }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code) : 0, stdout, stderr }),
    ),
  )
}

/** The options before Latchkey, and with it. */
type AppFile = 'before.mjs' | 'auth.mjs'

/** An app on a database that Better Auth alone made, with two users. */
async function populatedApp(engine: AppEngine) {
  const app = appFolder(['better-auth', ...engine.packages])
  folders.push(app)
  const { folder } = app
  const source = await engine.create(folder)
  app.write('db.mjs', source)
  app.write('before.mjs', authOf(''))
  app.write('auth.mjs', authOf(ALL))
  let programs = 0
  const evaluate = async (file: AppFile, steps: string): Promise<unknown> => {
    const number = programs++
    const name = (role: string): string => `${role}-${number}.mjs`
    app.write(name('db'), source)
    app.write(name('auth'), authOf(file === 'auth.mjs' ? ALL : '', `./${name('db')}`))
    app.write(name('program'), programOf(name('auth'), steps))
    const { result } = await import(/* @vite-ignore */ pathToFileURL(join(folder, name('program'))).href)
    return JSON.parse(JSON.stringify(result ?? null))
  }
  await evaluate(
    'before.mjs',
    `await (await getMigrations(auth.options)).runMigrations()
     for (const name of ['ada', 'grace'])
       await post('/sign-up/email', { email: name + '@example.com', password: 'correct horse battery', name })`,
  )
  const all = `return [await rows('user'), await rows('session'), await rows('account')]`
  return {
    folder,
    write: app.write,
    evaluate,
    before: await evaluate('before.mjs', all),
    rows: (file: AppFile = 'auth.mjs') => evaluate(file, all),
    latchkey: (command: string, ...flags: string[]) => node(folder, PROGRAM, command, '--auth', './auth.mjs', ...flags),
  }
}

describe.each(APP_ENGINES.map((engine) => [engine.name, engine] as const))('%s', (name, engine) => {
  test('latchkey migrate gives a populated database its tables, a second run changes nothing, and doctor reports both (checklist 36: populated database)', async () => {
    const app = await populatedApp(engine)
    const lacking = await app.latchkey('doctor')
    expect(lacking.code).toBe(1)
    expect(lacking.stdout).toContain(
      'problem  migrations     The database lacks jwks, latchkeyAudit, latchkeyBackup, latchkeyGrant, latchkeyKey, latchkeyPrincipal, latchkeyProof, latchkeyRendezvous, ' +
        'and columns of session, user. Run npx latchkey migrate --auth ./auth.mjs.',
    )
    expect(await app.latchkey('migrate')).toEqual({
      code: 0,
      stderr: '',
      stdout: [
        'Extended the tables session, user.',
        'Created the tables jwks, latchkeyAudit, latchkeyBackup, latchkeyGrant, latchkeyKey, latchkeyPrincipal, latchkeyProof, latchkeyRendezvous.',
        '',
      ].join('\n'),
    })
    expect(await app.latchkey('migrate')).toEqual({
      code: 0,
      stderr: '',
      stdout: 'The database has every table and column.\n',
    })
    expect(await app.rows()).toEqual(app.before)
    const complete = await app.latchkey('doctor')
    expect(complete.stdout).toContain('ok       migrations     The database has every table and column.')
    expect(complete.code).toBe(0)
  })

  test('after it, earlier users sign in, and one principal has one user', async () => {
    const app = await populatedApp(engine)
    await app.latchkey('migrate')
    const statuses = await app.evaluate(
      'auth.mjs',
      `const signIn = await post('/sign-in/email', { email: 'ada@example.com', password: 'correct horse battery' })
       const set = (email) => adapter.update({ model: 'user', where: [{ field: 'email', value: email }], update: { principal: 'p' } })
       await set('ada@example.com')
       return [signIn.status, await set('grace@example.com').then(() => 'twice', () => 'refused')]`,
    )
    expect(statuses).toEqual([200, 'refused'])
  })

  test('a migration that was interrupted between a column and its unique index is completed', async () => {
    const app = await populatedApp(engine)
    const quote = name === 'MariaDB' ? '\\`' : '"'
    const column = `alter table ${quote}user${quote} add column ${quote}principal${quote} ${name === 'MariaDB' ? 'varchar(255)' : 'text'}`
    const sql = { SQLite: 'database.exec', Postgres: 'await database.query', MariaDB: 'await database.query' }[name]
    app.write('cut.mjs', `import { database } from './db.mjs'\n${sql}(\`${column}\`)\nprocess.exit(0)\n`)
    expect((await node(app.folder, 'cut.mjs')).stderr).toBe('')
    expect((await app.latchkey('doctor')).stdout).toContain('unique index')
    expect((await app.latchkey('migrate')).code).toBe(0)
    expect(
      await app.evaluate(
        'auth.mjs',
        `const set = (email) => adapter.update({ model: 'user', where: [{ field: 'email', value: email }], update: { principal: 'p' } })
         await set('ada@example.com')
         return set('grace@example.com').then(() => 'twice', () => 'refused')`,
      ),
    ).toBe('refused')
  })
})

/** Those that undo statements which change tables. */
const TRANSACTIONAL = APP_ENGINES.filter(({ name }) => name !== 'MariaDB')

test.each(TRANSACTIONAL.map((engine) => [engine.name, engine] as const))(
  '%s: a migration that fails half-way leaves nothing behind',
  async (_, engine) => {
    const app = await populatedApp(engine)
    // The last statements make the indexes of the new tables; one of the names is taken.
    app.write(
      'clash.mjs',
      `import { database } from './db.mjs'\nconst sql = 'create index "latchkeyAudit_userId_idx" on "user" ("name")'\nif ('exec' in database) database.exec(sql)\nelse await database.query(sql)\nprocess.exit(0)\n`,
    )
    await node(app.folder, 'clash.mjs')
    const failed = await app.latchkey('migrate')
    expect(failed.code).toBe(1)
    expect(failed.stderr).toContain('Nothing was changed')
    expect(await app.evaluate('before.mjs', `return (await getMigrations(auth.options)).toBeAdded.length`)).toBe(0)
    expect((await app.latchkey('doctor')).stdout).toContain('columns of session, user')
    expect(await app.rows('before.mjs')).toEqual(app.before)
  },
)

test('Postgres: a migration does not queue the sign-ins of a live app behind a transaction of others', async () => {
  const app = await populatedApp(APP_ENGINES.find(({ name }) => name === 'Postgres')!)
  const url = /"(postgres[^"]+)"/.exec(readFileSync(join(app.folder, 'db.mjs'), 'utf8'))![1]!
  const holder = new Client({ connectionString: url })
  await holder.connect()
  await holder.query('begin; select from "user"')
  const failed = await app.latchkey('migrate')
  await holder.end()
  expect(failed).toMatchObject({ code: 1, stderr: expect.stringMatching(/lock timeout.*Nothing was changed/) })
  expect(await app.rows('before.mjs')).toEqual(app.before)
  expect((await app.latchkey('migrate')).code).toBe(0)
})

test('TypeScript with an import that only a bundler resolves runs on any Node, with the jiti of the app', async () => {
  const app = appFolder(['better-auth', 'better-sqlite3', 'jiti'])
  folders.push(app)
  app.write('db.ts', `enum Kind { A }\nexport const kind: Kind = Kind.A\n${await APP_ENGINES[0]!.create(app.folder)}`)
  app.write('tsconfig.json', '{ "compilerOptions": { "paths": { "@/*": ["./*"] } } }')
  app.write('auth.ts', authOf(ALL, '@/db'))
  const { code, stderr, stdout } = await node(app.folder, PROGRAM, 'migrate', '--auth', 'auth.ts')
  expect([code, stderr]).toEqual([0, ''])
  expect(stdout).toContain('latchkeyPrincipal')
})

describe('an app that cannot be migrated is told why', () => {
  async function refused(file: string, text: string, packages = ['better-auth', 'better-sqlite3']) {
    const app = appFolder(packages)
    folders.push(app)
    app.write('db.mjs', await APP_ENGINES[0]!.create(app.folder))
    if (text) app.write(file, text)
    const { code, stderr } = await node(app.folder, PROGRAM, 'migrate', '--auth', file)
    expect(code).toBe(1)
    return stderr
  }

  test('no file', async () => expect(await refused('none.ts', '')).toContain('none.ts does not exist'))

  test('no `auth` in it', async () =>
    expect(await refused('auth.mjs', 'export const other = 1')).toContain(
      'does not export Better Auth as `auth` or default',
    ))

  test('an ORM: its own tool changes the tables', async () =>
    expect(await refused('auth.mjs', authOf('latchkey()').replace('  database,', '  database: () => ({}),'))).toContain(
      'Drizzle, Prisma',
    ))

  test('code that throws, without the password in its message', async () => {
    const stderr = await refused('auth.mjs', `throw new Error('cannot reach postgres://ada:hunter2@db/x')`)
    expect(stderr).toContain('auth.mjs throws: cannot reach postgres://ada:[secret]@db/x')
  })

  test.each([
    ['auth.mjs', "import 'drizzle-orm/pg-core'", [], 'drizzle-orm'],
    ['auth.mjs', "import '@scope/database'", [], '@scope/database'],
    ['auth.cjs', "require('drizzle-orm/pg-core')", [], 'drizzle-orm'],
    ['auth.ts', "import 'drizzle-orm/pg-core'", ['jiti'], 'drizzle-orm'],
  ])('a package that is not installed, in %s: %s, with %j', async (file, text, packages, name) => {
    const stderr = await refused(file, text, ['better-auth', 'better-sqlite3', ...packages])
    expect(stderr).toContain(`${file} needs the package ${name}, which is not installed: npm install ${name}\n`)
    expect(stderr.includes('jiti')).toBe(packages.length === 0 && file === 'auth.mjs')
  })

  test.each(['@/db', '~/db', '$lib/db', './db'])('the import %s, which is no package, without jiti', async (place) => {
    const stderr = await refused('auth.mjs', `import ${JSON.stringify(place)}`, ['better-auth'])
    expect(stderr).toContain('Install the loader that runs it: npm install --save-dev jiti')
    expect(stderr).not.toContain('needs the package')
  })

  test('TypeScript, on a Node that does not run it, without jiti', async () => {
    const stderr = await refused('auth.ts', 'enum Kind { A }\nexport const auth: Kind = Kind.A', ['better-auth'])
    expect(stderr).toContain('npm install --save-dev jiti')
  })

  test('a Better Auth older than 1.7.3', async () => {
    const app = appFolder([])
    folders.push(app)
    app.write('auth.mjs', 'export const auth = { options: { database: {} } }')
    const old = 'node_modules/better-auth'
    app.write('make.mjs', `import { mkdirSync } from 'node:fs'\nmkdirSync('${old}/dist/db', { recursive: true })`)
    await node(app.folder, 'make.mjs')
    app.write(
      `${old}/package.json`,
      '{ "name": "better-auth", "version": "1.7.2", "exports": { "./db/migration": "./dist/db/get-migration.mjs" } }',
    )
    app.write(`${old}/dist/db/get-migration.mjs`, '')
    const { code, stderr } = await node(app.folder, PROGRAM, 'migrate', '--auth', 'auth.mjs')
    expect([code, stderr]).toEqual([
      1,
      'latchkey: Better Auth 1.7.2 cannot extend tables that have rows. Install 1.7.3 or later: npm install better-auth@latest\n',
    ])
  })

  test('a missing flag', async () => {
    const app = appFolder([])
    folders.push(app)
    expect(await node(app.folder, PROGRAM, 'migrate')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Expected the file that exports Better Auth: latchkey migrate --auth ./auth.ts'),
    })
  })
})
