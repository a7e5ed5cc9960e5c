import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

/** The commands of the program. */
export const COMMANDS = {
  init: 'Creates an app from a starter, or adds Latchkey to an existing app. Overwrites nothing without asking.',
  dev: 'Runs an identity server for development. Creates secrets and a SQLite file in a folder and reuses them.',
  serve: 'Runs an identity server for production. Requires explicit settings and rejects development defaults.',
  inspect: 'Explains a token from standard input, claim by claim and offline, and shows how a server would respond.',
  doctor: 'Checks a configuration, or an app and its database, and reports problems.',
  migrate: "Adds the tables and columns of an app's Better Auth plugins to its database. Rows stay as they are.",
} as const

/** One of {@link COMMANDS}. */
export type Command = keyof typeof COMMANDS

/** One flag, with its environment variable. */
export interface Flag {
  readonly name: string
  /** Placeholder of the value; without it the flag is a switch. */
  readonly value?: string
  /** May be repeated; the variable takes a comma-separated list. */
  readonly many?: true
  /** `@file` reads the value from a file. */
  readonly file?: true
  readonly meaning: string
  readonly commands: readonly Command[]
}

const SERVER = ['dev', 'serve', 'doctor'] as const
const TOKENS = [...SERVER, 'inspect'] as const

/** Every flag. The parser, the help and docs/cli.md all come from here. */
export const FLAGS: readonly Flag[] = [
  {
    name: 'template',
    value: 'name',
    meaning: 'The starter of a new app: `vite-hono`, `next`, `sveltekit` or `nuxt`.',
    commands: ['init'],
  },
  { name: 'dry-run', meaning: 'Shows what would be written, and writes nothing.', commands: ['init'] },
  {
    name: 'overwrite',
    meaning: 'Replaces files that exist. Without it, `init` asks at a terminal, and otherwise writes nothing.',
    commands: ['init'],
  },
  {
    name: 'port',
    value: 'number',
    meaning: 'Port to listen on. Defaults to 4380; 0 picks a free port.',
    commands: SERVER,
  },
  { name: 'host', value: 'address', meaning: 'Address to listen on. Defaults to 127.0.0.1.', commands: SERVER },
  {
    name: 'base-url',
    value: 'url',
    meaning: 'Public origin of the server. Defaults to `http://localhost:<port>` in development.',
    commands: SERVER,
  },
  {
    name: 'data-dir',
    value: 'folder',
    meaning: 'Folder of the SQLite file. Defaults to `.latchkey` in development.',
    commands: SERVER,
  },
  {
    name: 'database',
    value: 'url',
    file: true,
    meaning: 'A `postgres://` URL, used instead of the SQLite file.',
    commands: SERVER,
  },
  {
    name: 'redis',
    value: 'url',
    file: true,
    meaning:
      'A `redis://` or `rediss://` URL for rate limits and used proofs, ' +
      'shared by several servers and used instead of database tables.',
    commands: SERVER,
  },
  {
    name: 'secret',
    value: 'text',
    file: true,
    meaning:
      'Signs cookies and encrypts the signing keys; at least 32 characters. Generated and stored in development.',
    commands: SERVER,
  },
  {
    name: 'allow-local-first',
    meaning: 'Accepts tokens that devices sign themselves. On by default in development, off in production.',
    commands: SERVER,
  },
  {
    name: 'audience',
    value: 'text',
    many: true,
    meaning: 'Accepted `aud` of tokens; the server issues tokens with the first one. Defaults to the base URL.',
    commands: TOKENS,
  },
  {
    name: 'token-claim',
    value: 'field',
    many: true,
    meaning: 'Extra claims in the tokens of an account: `email`, `email_verified` or `name`. None by default.',
    commands: SERVER,
  },
  {
    name: 'trusted-origin',
    value: 'origin',
    many: true,
    meaning:
      'Origin of an app that may call the server with cookies. ' +
      'In development it defaults to localhost and 127.0.0.1 on ports 5173, 3000, 4200 and 8080.',
    commands: SERVER,
  },
  {
    name: 'jwks-url',
    value: 'url',
    meaning: 'JWKS URL of another provider whose JWTs are accepted.',
    commands: SERVER,
  },
  {
    name: 'jwt-public-key',
    value: 'key',
    file: true,
    meaning: 'Public key of another provider, as PEM or JWK, used instead of `--jwks-url`.',
    commands: TOKENS,
  },
  { name: 'jwt-issuer', value: 'text', meaning: '`iss` of the other provider.', commands: TOKENS },
  {
    name: 'jwt-audience',
    value: 'text',
    many: true,
    meaning: "`aud` of the other provider's tokens.",
    commands: TOKENS,
  },
  {
    name: 'backend-secret',
    value: 'text',
    file: true,
    meaning: 'Lets a backend impersonate any principal; at least 32 characters.',
    commands: SERVER,
  },
  {
    name: 'old-backend-secret',
    value: 'text',
    file: true,
    meaning: 'Accepted in addition to `--backend-secret` during a rotation.',
    commands: SERVER,
  },
  {
    name: 'admin-secret',
    value: 'text',
    file: true,
    meaning: 'Enables the operator API; at least 32 characters.',
    commands: SERVER,
  },
  {
    name: 'rotate-keys',
    value: 'days',
    meaning: 'Days between signing key rotations, 1 to 365. Keys are not rotated by default.',
    commands: SERVER,
  },
  {
    name: 'proxy-header',
    value: 'name',
    meaning: "Header in which the reverse proxy sends the client's address, for rate limits.",
    commands: SERVER,
  },
  {
    name: 'resolver',
    value: 'file',
    meaning: 'A module to check as well; its default export is the options of `createSessionResolver`.',
    commands: ['doctor'],
  },
  {
    name: 'auth',
    value: 'file',
    meaning:
      'The module that exports Better Auth as `auth` or default. ' +
      '`doctor` then checks only this app and its database, with temporary rows.',
    commands: ['doctor', 'migrate'],
  },
  { name: 'production', meaning: 'Applies the production checks of `serve`.', commands: ['doctor'] },
  { name: 'json', meaning: 'Prints a JSON document.', commands: ['inspect', 'doctor'] },
]

/** An error in the command line; its message is one sentence. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The requested settings; flags take precedence over variables. */
export interface Settings {
  readonly command: Command
  /** What is no flag; only for `init`. */
  readonly positionals: readonly string[]
  readonly text: (name: string) => string | undefined
  readonly list: (name: string) => readonly string[]
  readonly isOn: (name: string) => boolean | undefined
}

/** The environment variable of a flag. */
export function variableOf(name: string): string {
  return `LATCHKEY_${name.toUpperCase().replaceAll('-', '_')}`
}

/** The flags that a command accepts. */
export function flagsOf(command: Command): readonly Flag[] {
  return FLAGS.filter(({ commands }) => commands.includes(command))
}

type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>

/** @throws {UsageError} a flag is unknown, or lacks its value, or the value is empty */
export function readSettings(
  command: Command,
  parameters: readonly string[],
  environment: NodeJS.ProcessEnv,
): Settings {
  const { values, positionals } = parse(command, parameters)
  refuseEmpty(values)
  const variable = (name: string): string | undefined => environment[variableOf(name)] || undefined
  return {
    command,
    positionals,
    text: (name) => readReference(name, (values[name] as string | undefined) ?? variable(name)),
    list: (name) =>
      (values[name] as string[] | undefined) ??
      variable(name)
        ?.split(',')
        .map((text) => text.trim())
        .filter(Boolean) ??
      [],
    isOn: (name) => (values[name] as boolean | undefined) ?? readSwitch(name, variable(name)),
  }
}

/** As in `--host=$HOST` without that variable: it would listen on every address. */
function refuseEmpty(values: Values): void {
  const isEmpty = (value: unknown): boolean => typeof value === 'string' && value.trim() === ''
  const [name] = Object.entries(values).find(([, value]) => [value].flat().some(isEmpty)) ?? []
  if (name) throw new UsageError(`--${name}: expected a value, and it is empty. Leave the flag out for its default.`)
}

interface Parsed {
  readonly values: Values
  readonly positionals: readonly string[]
}

function parse(command: Command, parameters: readonly string[]): Parsed {
  const options = Object.fromEntries(
    flagsOf(command).map(({ name, value, many }) => [
      name,
      { type: value ? ('string' as const) : ('boolean' as const), multiple: many === true },
    ]),
  )
  try {
    const allowPositionals = command === 'init'
    return parseArgs({ args: [...parameters], options, strict: true, allowNegative: true, allowPositionals })
  } catch (error) {
    throw new UsageError(sentenceOf(error as NodeJS.ErrnoException, parameters))
  }
}

/** Node's messages quote the argument, which may be a secret. */
function sentenceOf({ code, message }: NodeJS.ErrnoException, parameters: readonly string[]): string {
  const known = new Set(FLAGS.flatMap(({ name }) => [`--${name}`, `--no-${name}`]))
  const [flag] = /--[a-z-]+/.exec(message) ?? []
  if (code === 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE' && flag && known.has(flag))
    return (
      `${flag}: expected a value, or none for a switch. ` +
      `Write a value that starts with a dash as ${flag}=…, or put it in a file.`
    )
  const stray = parameters
    .map((parameter) => parameter.split('=')[0]!)
    .find((parameter) => /^--?[a-z][a-z-]{0,30}$/.test(parameter) && !known.has(parameter))
  return stray ? `Unknown flag ${stray}.` : 'Unexpected argument, or a flag that this command does not accept.'
}

function readReference(name: string, text: string | undefined): string | undefined {
  if (!text?.startsWith('@') || !FLAGS.some((flag) => flag.name === name && flag.file)) return text
  try {
    return readFileSync(text.slice(1), 'utf8').trim()
  } catch (error) {
    throw new UsageError(`--${name}: cannot read the file (${(error as NodeJS.ErrnoException).code ?? 'unknown'}).`)
  }
}

function readSwitch(name: string, text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined
  if (/^(1|true|yes|on)$/i.test(text)) return true
  if (/^(0|false|no|off)$/i.test(text)) return false
  throw new UsageError(`${variableOf(name)}: expected true or false.`)
}
