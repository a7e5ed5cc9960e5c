import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** The built program. */
export const MAIN: URL = new URL('../../dist/adapters/cli/main.js', import.meta.url)
const PROGRAM = fileURLToPath(MAIN)

/** The result of a run of the program. */
export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Starts the built program with an empty environment. */
export function start(
  parameters: readonly string[],
  environment: Record<string, string> = {},
  program: string = PROGRAM,
): { child: ChildProcess; output: { stdout: string; stderr: string } } {
  const child = spawn(process.execPath, [program, ...parameters], { env: environment, stdio: 'pipe' })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  return { child, output }
}

/** Runs the built program until it exits. */
export async function run(
  parameters: readonly string[],
  { input = '', environment = {} }: { input?: string; environment?: Record<string, string> } = {},
): Promise<Outcome> {
  const { child, output } = start(parameters, environment)
  child.stdin!.on('error', () => {}).end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, ...output }
}

/** A running server. */
export interface RunningServer {
  readonly origin: string
  readonly child: ChildProcess
  /** Returns the log: standard output. */
  log(): string
  /** Returns everything that the server has written. */
  written(): string
  /** Sends a request to a path; `bearer` is sent as the bearer token. */
  ask(path: string, init?: RequestInit & { bearer?: string }): Promise<Response>
  /**
   * Sends a signal and waits for the exit.
   *
   * @returns the exit code
   */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/**
 * Starts a server on a free port and waits until it reports that it has started.
 *
 * @param program - defaults to the built program
 */
export async function startServer(
  parameters: readonly string[],
  environment: Record<string, string> = {},
  program?: string,
): Promise<RunningServer> {
  const { child, output } = start([...parameters, '--port', '0'], environment, program)
  const closed = once(child, 'close') as Promise<[number | null]>
  const started = new Promise<number>((resolve) => {
    child.stdout!.on('data', () => {
      const port = /"event":"started".*"port":(\d+)/.exec(output.stdout)?.[1]
      if (port) resolve(Number(port))
    })
  })
  const failed = closed.then(() => Promise.reject(new Error(`the server did not start: ${output.stderr}`)))
  // A later exit is caused by the test itself.
  failed.catch(() => {})
  const address = `http://127.0.0.1:${await Promise.race([started, failed])}`
  const origin = address.replace('127.0.0.1', 'localhost')
  return {
    origin,
    child,
    log: () => output.stdout,
    written: () => output.stdout + output.stderr,
    ask: (path, { bearer, headers, ...init } = {}) =>
      fetch(address + path, {
        ...init,
        headers: {
          ...(headers as Record<string, string>),
          ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }),
        },
      }),
    async stop(signal = 'SIGTERM') {
      child.kill(signal)
      return (await closed)[0]
    },
  }
}
