/** Fields of a log entry. */
export type Fields = Readonly<Record<string, string | number | boolean | null>>

/** Writes one JSON document per line. */
export interface Log {
  info(event: string, fields?: Fields): void
  warn(event: string, fields?: Fields): void
  /** Adds the error's name and location. */
  error(event: string, error: unknown): void
}

/**
 * Creates a log. Secrets and tokens are removed from every line, wherever they come from.
 *
 * @param write - writes one line
 * @param secrets - texts that never appear
 * @param clock - returns milliseconds since 1970
 */
export function createLog(write: (line: string) => void, secrets: readonly string[], clock: () => number): Log {
  const hide = createRedaction(secrets)
  const put = (level: string, event: string, fields: Fields): void => {
    const line = JSON.stringify({ time: new Date(clock()).toISOString(), level, event, ...fields })
    write(`${hide(line)}\n`)
  }
  return {
    info: (event, fields = {}) => put('info', event, fields),
    warn: (event, fields = {}) => put('warn', event, fields),
    error: (event, error) => put('error', event, describe(error)),
  }
}

function describe(error: unknown): Fields {
  if (!(error instanceof Error)) return { name: typeof error }
  const { code } = error as NodeJS.ErrnoException
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line))
  return {
    name: error.name,
    code: typeof code === 'string' ? code : null,
    message: error.message.slice(0, 500),
    stack: frames.slice(0, 8).join('\n'),
  }
}

/** Three base64url parts separated by dots, complete or truncated, as in every token. */
const TOKEN = /[\w-]{10,}\.[\w-]{10,}\.[\w-]*/g
const PASSWORD = /(\w+:\/\/[^:/\s"]*:)[^@\s"]+@/g

/** Removes the passwords from URLs. */
export function hideAddresses(text: string): string {
  return text.replace(PASSWORD, '$1[secret]@')
}

function createRedaction(secrets: readonly string[]): (line: string) => string {
  const texts = secrets.flatMap((secret) => [secret, JSON.stringify(secret).slice(1, -1)])
  return (line) =>
    hideAddresses(texts.reduce((text, secret) => text.replaceAll(secret, '[secret]'), line).replace(TOKEN, '[token]'))
}
