import { readFileSync } from 'node:fs'
import { examine, examineApp, printChecks } from './doctor.ts'
import { COMMANDS, type Command, type Settings, UsageError, readSettings } from './flags.ts'
import { helpOf } from './help.ts'
import { init } from './init/init.ts'
import { terminal } from './init/terminal.ts'
import { inspect, printInspection } from './inspect.ts'
import { migrate } from './migrate.ts'
import { Refusal } from './refusal.ts'

/** The exit code of the program. */
export type ExitCode = 0 | 1 | 2

/**
 * Runs the command line.
 *
 * @returns the exit code; for a server, once it has stopped
 */
export async function run(parameters: readonly string[], environment: NodeJS.ProcessEnv): Promise<ExitCode> {
  try {
    return await dispatch(parameters, environment)
  } catch (error) {
    if (error instanceof UsageError) return complain(`${error.message}\nRun latchkey --help for usage.`, 2)
    if (error instanceof Refusal) return complain(error.message, 1)
    // The message of an unexpected error may contain a secret.
    return complain(`Unexpected error (${error instanceof Error ? error.name : 'unknown error'}).`, 1)
  }
}

async function dispatch(parameters: readonly string[], environment: NodeJS.ProcessEnv): Promise<ExitCode> {
  const [name, ...rest] = parameters
  if (name === '--version') return say(`${versionOf()}\n`)
  if (name === '--help' || name === '-h' || name === 'help') return say(helpOf())
  if (name === undefined || !Object.hasOwn(COMMANDS, name))
    throw new UsageError(`Expected a command: ${Object.keys(COMMANDS).join(', ')}.`)
  const command = name as Command
  if (rest.includes('--help') || rest.includes('-h')) return say(helpOf(command))
  return RUN[command](readSettings(command, rest, environment), environment)
}

type Run = (settings: Settings, environment: NodeJS.ProcessEnv) => Promise<ExitCode>

const RUN: Readonly<Record<Command, Run>> = {
  async init(settings) {
    if (settings.positionals.length > 1) throw new UsageError('Expected one folder: latchkey init my-app')
    const [folder = '.'] = settings.positionals
    const template = settings.text('template')
    const options = { isDry: settings.isOn('dry-run') ?? false, mayOverwrite: settings.isOn('overwrite') ?? false }
    return say(await init(folder, { ...(template !== undefined && { template }), ...options }, terminal()))
  },
  dev: startServer,
  serve: startServer,
  async inspect(settings) {
    const found = await inspect(await readInput(), settings, Date.now)
    say(settings.isOn('json') ? asJson(found) : printInspection(found))
    return found.server.accepted ? 0 : 1
  },
  async doctor(settings) {
    const file = settings.text('auth')
    const checks = file === undefined ? await examine(settings, Date.now) : await examineApp(file)
    say(settings.isOn('json') ? asJson({ checks }) : printChecks(checks))
    return checks.some(({ level }) => level === 'problem') ? 1 : 0
  },
  async migrate(settings) {
    const file = settings.text('auth')
    if (file === undefined)
      throw new UsageError('Expected the file that exports Better Auth: latchkey migrate --auth ./auth.ts')
    return say(await migrate(file))
  },
}

/** Loads Better Auth only for the commands that need it. */
async function startServer(settings: Settings, environment: NodeJS.ProcessEnv): Promise<ExitCode> {
  const { serve } = await import('./serve.ts')
  return serve(settings, environment)
}

const MAX_INPUT_CHARACTERS = 65_536

async function readInput(): Promise<string> {
  if (process.stdin.isTTY) throw new UsageError('Expected a token on standard input: latchkey inspect < token')
  let text = ''
  for await (const chunk of process.stdin.setEncoding('utf8')) {
    text += chunk as string
    if (text.length > MAX_INPUT_CHARACTERS)
      throw new UsageError('Expected one token on standard input, but the input is too long.')
  }
  return text
}

function asJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

function say(text: string): 0 {
  process.stdout.write(text)
  return 0
}

function complain(text: string, code: ExitCode): ExitCode {
  process.stderr.write(`latchkey: ${text}\n`)
  return code
}

function versionOf(): string {
  // From dist/adapters/cli.
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  return version
}
