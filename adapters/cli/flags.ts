import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

/** What the program can be asked to do. */
export const COMMANDS = {
  dev: 'Runs an identity server for development: secrets and SQLite file are made in a folder, and kept.',
  serve: 'Runs an identity server for production: nothing is made up, and development defaults are refused.',
  inspect:
    'Explains a token from standard input, claim by claim, without a network, and says what a server would answer.',
  doctor: 'Checks a configuration, and says what is wrong with it.',
} as const

/** One of {@link COMMANDS}. */
export type Command = keyof typeof COMMANDS

/** One flag, with its environment variable. */
export interface Flag {
  readonly name: string
  /** Shown in place of the value; without it the flag is a switch. */
  readonly value?: string
  /** Can come more than once; the variable takes a list with commas. */
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
    name: 'port',
    value: 'number',
    meaning: 'Port to listen on; 4380 unless told. 0 takes a free one.',
    commands: SERVER,
  },
  { name: 'host', value: 'address', meaning: 'Address to listen on; 127.0.0.1 unless told.', commands: SERVER },
  {
    name: 'base-url',
    value: 'url',
    meaning: 'Origin by which clients reach the server; `http://localhost:<port>` in development.',
    commands: SERVER,
  },
  {
    name: 'data-dir',
    value: 'folder',
    meaning: 'Folder of the SQLite file; `.latchkey` in development.',
    commands: SERVER,
  },
  {
    name: 'database',
    value: 'url',
    file: true,
    meaning: 'A `postgres://` address, in place of the SQLite file.',
    commands: SERVER,
  },
  {
    name: 'redis',
    value: 'url',
    file: true,
    meaning:
      'A `redis://` or `rediss://` address that several servers share for rate limits and used proofs, in place of tables of the database.',
    commands: SERVER,
  },
  {
    name: 'secret',
    value: 'text',
    file: true,
    meaning: 'Signs cookies and encrypts the signing keys; 32 characters or more. Made and kept in development.',
    commands: SERVER,
  },
  {
    name: 'allow-local-first',
    meaning: 'Takes tokens that devices sign themselves. On in development; off otherwise, unless said.',
    commands: SERVER,
  },
  {
    name: 'audience',
    value: 'text',
    many: true,
    meaning: '`aud` of tokens, the first one also of those the server issues; the base URL unless told.',
    commands: TOKENS,
  },
  {
    name: 'token-claim',
    value: 'field',
    many: true,
    meaning:
      "What an account's tokens say besides who it is: `email`, `email_verified` or `name`; nothing unless told.",
    commands: SERVER,
  },
  {
    name: 'trusted-origin',
    value: 'origin',
    many: true,
    meaning: 'Origin of an app whose pages may call the server with cookies.',
    commands: SERVER,
  },
  { name: 'jwks-url', value: 'url', meaning: 'Keys of another provider whose JWTs are taken.', commands: SERVER },
  {
    name: 'jwt-public-key',
    value: 'key',
    file: true,
    meaning: 'The one public key of another provider, PEM or JWK, in place of `--jwks-url`.',
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
    meaning: 'Lets a backend that knows it speak for anybody; 32 characters or more.',
    commands: SERVER,
  },
  {
    name: 'old-backend-secret',
    value: 'text',
    file: true,
    meaning: 'Counts beside `--backend-secret` while backends change over to that one.',
    commands: SERVER,
  },
  {
    name: 'admin-secret',
    value: 'text',
    file: true,
    meaning: 'Opens the operator API; 32 characters or more.',
    commands: SERVER,
  },
  {
    name: 'rotate-keys',
    value: 'days',
    meaning: 'Days after which a new key signs tokens, 1 to 365; unless told, one key signs for ever.',
    commands: SERVER,
  },
  {
    name: 'proxy-header',
    value: 'name',
    meaning: "Header in which the proxy in front writes the client's address, for rate limits.",
    commands: SERVER,
  },
  {
    name: 'resolver',
    value: 'file',
    meaning: 'A module whose default export is the options of `createSessionResolver`, to be checked too.',
    commands: ['doctor'],
  },
  { name: 'production', meaning: 'Checks as `serve` would.', commands: ['doctor'] },
  { name: 'json', meaning: 'Writes one JSON document.', commands: ['inspect', 'doctor'] },
]

/** A mistake on the command line; its message is one sentence. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** What was asked for, flags before variables. */
export interface Settings {
  readonly command: Command
  readonly text: (name: string) => string | undefined
  readonly list: (name: string) => readonly string[]
  readonly isOn: (name: string) => boolean | undefined
}

/** The environment variable of a flag. */
export function variableOf(name: string): string {
  return `LATCHKEY_${name.toUpperCase().replaceAll('-', '_')}`
}

/** The flags that a command takes. */
export function flagsOf(command: Command): readonly Flag[] {
  return FLAGS.filter(({ commands }) => commands.includes(command))
}

type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>

/** @throws {UsageError} a flag is unknown, or lacks its value */
export function readSettings(
  command: Command,
  parameters: readonly string[],
  environment: NodeJS.ProcessEnv,
): Settings {
  const values = parse(command, parameters)
  const variable = (name: string): string | undefined => environment[variableOf(name)] || undefined
  return {
    command,
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

function parse(command: Command, parameters: readonly string[]): Values {
  const options = Object.fromEntries(
    flagsOf(command).map(({ name, value, many }) => [
      name,
      { type: value ? ('string' as const) : ('boolean' as const), multiple: many === true },
    ]),
  )
  try {
    return parseArgs({ args: [...parameters], options, strict: true, allowNegative: true, allowPositionals: false })
      .values
  } catch (error) {
    throw new UsageError(sentenceOf(error as NodeJS.ErrnoException, parameters))
  }
}

/** Node's messages quote what was given, which can be a secret. */
function sentenceOf({ code, message }: NodeJS.ErrnoException, parameters: readonly string[]): string {
  const known = new Set(FLAGS.flatMap(({ name }) => [`--${name}`, `--no-${name}`]))
  const [flag] = /--[a-z-]+/.exec(message) ?? []
  if (code === 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE' && flag && known.has(flag))
    return `${flag}: expected a value, or none for a switch; one that begins with a dash is written ${flag}=…, or kept in a file.`
  const stray = parameters
    .map((parameter) => parameter.split('=')[0]!)
    .find((parameter) => /^--?[a-z][a-z-]{0,30}$/.test(parameter) && !known.has(parameter))
  return stray
    ? `${stray} is no flag of Latchkey.`
    : 'A flag does not belong to this command, or something stands there that is no flag.'
}

function readReference(name: string, text: string | undefined): string | undefined {
  if (!text?.startsWith('@') || !FLAGS.some((flag) => flag.name === name && flag.file)) return text
  try {
    return readFileSync(text.slice(1), 'utf8').trim()
  } catch (error) {
    throw new UsageError(`--${name}: the file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'}).`)
  }
}

function readSwitch(name: string, text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined
  if (/^(1|true|yes|on)$/i.test(text)) return true
  if (/^(0|false|no|off)$/i.test(text)) return false
  throw new UsageError(`${variableOf(name)}: expected true or false.`)
}
