import type { AuthContext, BetterAuthOptions, BetterAuthPlugin, Where } from 'better-auth'
import { createAuthMiddleware } from 'better-auth/api'
import { LatchkeyError } from '../../../lib/server.ts'
import { isAbsence } from './absence.ts'
import { PROOF_HEADER, rethrow } from '../hooks/proofs.ts'
import { schema } from '../schema.ts'

/**
 * Switches the plugin off while its tables or columns are missing in the database: requests without a proof work as
 * before the plugin was installed, the others and the plugin's own routes get `DATABASE_NOT_MIGRATED`. The log says so
 * once. Every request checks again, so the plugin starts as soon as the tables exist. A check that fails for another
 * reason, as when the database is unreachable, changes nothing.
 */
export function offWhileUnmigrated<Plugin extends Hooked>(plugin: Plugin): Plugin {
  /** Undefined until the database has answered whether it has the tables; the plugin is on meanwhile. */
  let isOff: boolean | undefined = false
  let look = async (): Promise<void> => {}
  const gated = <Hook extends Matching>(hook: Hook): Hook => ({
    ...hook,
    matcher: (ctx) => !isOff && hook.matcher(ctx),
  })
  const { before = [], after = [] } = plugin.hooks ?? {}
  return {
    ...plugin,
    async init(auth) {
      look = async () => {
        const found = (await lacksTables(auth)) ?? isOff
        if (found && !isOff) auth.logger.error(OFF)
        isOff = found
      }
      isOff = isMigrating() ? false : undefined
      if (isOff !== false) await look()
      if (isOff !== false) withoutCheck(auth)
      const { options } = (await plugin.init!(auth)) as { options: { databaseHooks: DatabaseHooks } }
      return { options: { databaseHooks: gateHooks(options.databaseHooks, () => isOff === true) } }
    },
    hooks: {
      before: [
        {
          matcher: () => isOff !== false,
          handler: createAuthMiddleware(async (ctx) => {
            await look()
            const needsTables = ctx.headers?.has(PROOF_HEADER) || ctx.path?.startsWith('/latchkey/')
            if (isOff && needsTables) rethrow(new LatchkeyError('DATABASE_NOT_MIGRATED'))
          }),
        },
        ...before.map(gated),
      ],
      after: after.map(gated),
    },
  }
}

type Hooked = Pick<BetterAuthPlugin, 'init' | 'hooks'>
type Matching = NonNullable<NonNullable<Hooked['hooks']>['before']>[number]
type DatabaseHooks = NonNullable<BetterAuthOptions['databaseHooks']>

/** Set by `latchkey migrate` in its own process: what it is about to add is not reported as missing. */
const MIGRATING = Symbol.for('latchkey.migrating')

function isMigrating(): boolean {
  return MIGRATING in globalThis
}

const OFF =
  'Latchkey is off: its tables or columns are missing from the database. Run npx latchkey migrate --auth <file>.'

/**
 * Better Auth refuses every request while a table is missing. It remembers that by the adapter object: a copy is not
 * checked.
 */
function withoutCheck(auth: AuthContext): void {
  auth.adapter = { ...auth.adapter }
}

function gateHooks(hooks: DatabaseHooks, isOff: () => boolean): DatabaseHooks {
  const gate = (value: unknown): unknown => {
    if (typeof value === 'function')
      return async (...parameters: unknown[]) => (isOff() ? undefined : (value as Function)(...parameters))
    return Object.fromEntries(Object.entries(value as object).map(([name, inner]) => [name, gate(inner)]))
  }
  return gate(hooks) as DatabaseHooks
}

/** The unique column of each table, which makes the check cheap. */
const UNIQUE = { user: 'email', session: 'token' } as const

/** For required columns, for which Prisma refuses null. A `timestamp` of MySQL is later than `new Date(0)`. */
const VALUES = { string: '', number: 0, boolean: false, date: new Date(1e12) } as const

interface Column {
  readonly type: unknown
  readonly required?: boolean | undefined
}

/** Returns undefined if the database gave no answer: the plugin stays as it is, on or off. */
async function lacksTables({ adapter, tables }: AuthContext): Promise<boolean | undefined> {
  const models = Object.keys(schema).filter((model) => tables[model] !== undefined)
  const looks = await Promise.all(models.map((model) => lacks(adapter, model)))
  return looks.includes(true) || (looks.includes(undefined) ? undefined : false)
}

async function lacks(adapter: AuthContext['adapter'], model: string): Promise<boolean | undefined> {
  const { fields } = schema[model]!
  const unique = UNIQUE[model as keyof typeof UNIQUE] ?? Object.keys(fields).find((name) => fields[name]!.unique)!
  const others = Object.keys(fields).filter((name) => name !== unique)
  const where = [{ field: unique, value: '' }, ...others.map((field) => ({ field, value: valueFor(fields[field]!) }))]
  try {
    await adapter.findOne({ model, where })
    return false
  } catch (error) {
    return isAbsence(error) || undefined
  }
}

function valueFor({ type, required }: Column): Where['value'] {
  return required === false ? null : VALUES[type as keyof typeof VALUES]
}
