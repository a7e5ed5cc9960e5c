import { COMMANDS, type Command, type Flag, flagsOf, variableOf } from './flags.ts'

const EXIT_CODES = 'Exit codes: 0 success, 1 a problem was found or the command failed, 2 invalid command line.'

/** The help of the program, or of one command. */
export function helpOf(command?: Command): string {
  return command ? commandHelp(command) : programHelp()
}

function programHelp(): string {
  const rows = Object.entries(COMMANDS).map(([name, meaning]) => `  ${name.padEnd(10)}${meaning}`)
  return [
    'latchkey <command> [flags]',
    '',
    ...rows,
    '',
    '  latchkey <command> --help    the flags of a command',
    '  latchkey --version',
    '',
    EXIT_CODES,
    '',
  ].join('\n')
}

const USAGES: Partial<Record<Command, string>> = {
  init: 'latchkey init [folder] [flags]',
  inspect: 'latchkey inspect [flags] < token',
  migrate: 'latchkey migrate --auth ./auth.ts',
}

function commandHelp(command: Command): string {
  const rows = flagsOf(command).flatMap((flag) => [
    `  ${usageOf(flag)}`,
    `      ${meaningOf(flag)} [${variableOf(flag.name)}]`,
  ])
  return [
    USAGES[command] ?? `latchkey ${command} [flags]`,
    '',
    COMMANDS[command],
    '',
    ...rows,
    '',
    ...secretsHint(command),
    EXIT_CODES,
    '',
  ].join('\n')
}

/** The flag as written on the command line. */
export function usageOf({ name, value, many }: Flag): string {
  if (!value) return `--${name}, --no-${name}`
  return `--${name} <${value}>${many ? ' …' : ''}`
}

function meaningOf({ meaning, file }: Flag): string {
  return file ? `${meaning} \`@file\` reads it from a file.` : meaning
}

function secretsHint(command: Command): string[] {
  return ['init', 'inspect', 'migrate'].includes(command)
    ? []
    : ['Pass secrets in variables or files: every user of this machine can read the command line.', '']
}
