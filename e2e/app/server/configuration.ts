import { randomBytes } from 'node:crypto'
import { accessSync, constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/** The server's configuration. */
export interface Configuration {
  readonly port: number
  /** The app's public origin. Never taken from the Host header, which is untrusted input. */
  readonly origin: string
  /** The same app under another name, which the browser takes for another device; null with separate accounts. */
  readonly secondDevice: string | null
  readonly databaseFile: string
  /** Origin of a separate account server, such as an internal `latchkey serve`; null: accounts are in this server. */
  readonly accounts: string | null
  /** Better Auth signs its cookies with it. */
  readonly secret: string
}

/** A mistake in the configuration. Its message is one sentence for the operator. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError'
}

const DEFAULT_PORT = '4390'

/** As Better Auth recommends. Without a secret it would use its public default. */
const SHORTEST_SECRET = 32

/**
 * @param defaultFolder - the data folder if LATCHKEY_DATA is not set
 * @throws {ConfigurationError}
 */
export function readConfiguration(environment: NodeJS.ProcessEnv, defaultFolder: string): Configuration {
  const port = readPort(environment['PORT'] || DEFAULT_PORT)
  const folder = resolve(environment['LATCHKEY_DATA'] || defaultFolder)
  prepareFolder(folder)
  const accounts = readAccounts(environment['LATCHKEY_ACCOUNTS'] || null)
  return {
    port,
    origin: `http://localhost:${port}`,
    secondDevice: accounts === null ? `http://127.0.0.1:${port}` : null,
    databaseFile: join(folder, 'notes.sqlite'),
    accounts,
    secret: givenSecret(environment['BETTER_AUTH_SECRET']) ?? keptSecret(join(folder, 'secret')),
  }
}

function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (port < 1 || port > 65_535) throw new ConfigurationError(`PORT must be a number from 1 to 65535, got "${text}".`)
  return port
}

function readAccounts(text: string | null): string | null {
  if (text === null) return null
  if (!URL.canParse(text) || new URL(text).origin !== text)
    throw new ConfigurationError(`LATCHKEY_ACCOUNTS must be an origin such as http://127.0.0.1:4380, got "${text}".`)
  return text
}

function prepareFolder(folder: string): void {
  try {
    makeFolder(folder)
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (error) {
    throw unwritable(folder, error)
  }
}

/** Not `recursive`: with it, Node 20 never returns for a folder such as /proc. */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return
  makeFolder(dirname(folder))
  mkdirSync(folder, { mode: 0o700 })
}

function givenSecret(secret = ''): string | null {
  if (secret === '') return null
  if (secret.length >= SHORTEST_SECRET) return secret
  throw new ConfigurationError(`BETTER_AUTH_SECRET must have at least ${SHORTEST_SECRET} characters.`)
}

/** Created at the first start and reused: a new secret at each start would sign out every user. */
function keptSecret(file: string): string {
  const secret = readOrCreate(file)
  if (secret.length >= SHORTEST_SECRET) return secret
  throw new ConfigurationError(
    `${file} does not contain a secret: restore it, or delete it, which signs out every user.`,
  )
}

function readOrCreate(file: string): string {
  try {
    if (!existsSync(file)) writeFileSync(file, randomBytes(32).toString('base64url'), { mode: 0o600, flag: 'wx' })
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw unwritable(file, error)
  }
}

/** Returns the error for a folder or file that cannot be used. */
export function unwritable(path: string, cause: unknown): ConfigurationError {
  const code = (cause as NodeJS.ErrnoException).code ?? String(cause)
  return new ConfigurationError(
    `The data cannot be kept in ${path} (${code}): set LATCHKEY_DATA to a folder that you can write to.`,
    { cause },
  )
}
