import { readFileSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { run } from './cli.testing.ts'
import { COMMANDS, type Command, FLAGS, flagsOf, readSettings, variableOf } from './flags.ts'
import { helpOf, usageOf } from './help.ts'
import { createLog } from './log.ts'

const page = new URL('../../docs/cli.md', import.meta.url)

describe('the command line', () => {
  test.each([undefined, ...Object.keys(COMMANDS)] as (Command | undefined)[])('has help: %s', (command) => {
    expect(helpOf(command)).toMatchSnapshot()
  })

  test('is what the docs say, to the last flag and variable', async () => {
    const rows = FLAGS.map(
      (flag) =>
        `| \`${usageOf(flag)}\` | \`${variableOf(flag.name)}\` | ${flag.commands.join(', ')} | ${flag.meaning}${flag.file ? ' `@file` reads it.' : ''} |`,
    )
    const table = ['| flag | variable | commands | meaning |', '| --- | --- | --- | --- |', ...rows].join('\n')
    const text = readFileSync(page, 'utf8')
    await expect(text.replace(/^\| flag [\s\S]*?(?=\n\n)/m, () => table)).toMatchFileSnapshot('../../docs/cli.md')
  })

  test('accepts every flag and every variable (checklist 14: what the server takes)', () => {
    for (const command of Object.keys(COMMANDS) as Command[]) {
      for (const { name, value, many } of flagsOf(command)) {
        const read = (settings: ReturnType<typeof readSettings>): unknown =>
          many ? settings.list(name) : value ? settings.text(name) : settings.isOn(name)
        const expected = many ? ['a', 'b'] : value ? 'a' : true
        const flags = many ? [`--${name}=a`, `--${name}=b`] : [value ? `--${name}=a` : `--${name}`]
        expect(read(readSettings(command, flags, { [variableOf(name)]: 'other' })), name).toEqual(expected)
        expect(
          read(readSettings(command, [], { [variableOf(name)]: many ? 'a, b' : value ? 'a' : 'true' })),
          name,
        ).toEqual(expected)
      }
    }
    expect(
      readSettings('serve', ['--no-allow-local-first'], { LATCHKEY_ALLOW_LOCAL_FIRST: 'true' }).isOn(
        'allow-local-first',
      ),
    ).toBe(false)
    expect(() =>
      readSettings('serve', [], { LATCHKEY_ALLOW_LOCAL_FIRST: 'perhaps' }).isOn('allow-local-first'),
    ).toThrow('true or false')
  })

  test('reads a secret from a file, without the newline at its end', () => {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-flags-'))
    writeFileSync(join(folder, 'secret'), 'from a file\n')
    expect(readSettings('serve', [`--admin-secret=@${folder}/secret`], {}).text('admin-secret')).toBe('from a file')
    expect(() => readSettings('serve', [`--admin-secret=@${folder}/none`], {}).text('admin-secret')).toThrow('ENOENT')
    rmSync(folder, { recursive: true })
  })

  test('ends with 2 for a mistake, in one sentence that repeats no value', async () => {
    const mistakes = [
      [],
      ['hunter2'],
      ['serve', '--prot', 'hunter2'],
      ['serve', '--admin-secret'],
      ['serve', 'hunter2'],
      ['serve', '--admin-secret', '-hunter2'],
      ['inspect', '--admin-secret=hunter2'],
      ['doctor', '--json=hunter2'],
      ['serve', '--hunter2=x y'],
    ]
    for (const { code, stdout, stderr } of await Promise.all(mistakes.map((parameters) => run(parameters)))) {
      expect([code, stdout]).toEqual([2, ''])
      expect(stderr).toMatch(/^latchkey: .+\nRun latchkey --help for usage\.\n$/)
      expect(stderr.replace('--hunter2', '')).not.toContain('hunter2')
    }
  })

  test('prints its version', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string
    }
    expect(await run(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
  })
})

describe('the log', () => {
  test('removes what was configured as a secret, tokens, and passwords in URLs, wherever they come from', () => {
    const lines: string[] = []
    const log = createLog(
      (line) => lines.push(line),
      ['a "secret" of ours'],
      () => 0,
    )
    const token = `eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJ4In0.${'c'.repeat(86)}`
    log.error(
      'failed',
      Object.assign(new Error(`a "secret" of ours, ${token}, postgres://somebody:hunter2@db/x`), {
        code: 'E',
        stack: `Error: ${token}\n    at f (x.js:1)`,
      }),
    )
    expect(JSON.parse(lines[0]!)).toEqual({
      time: '1970-01-01T00:00:00.000Z',
      level: 'error',
      event: 'failed',
      name: 'Error',
      code: 'E',
      message: '[secret], [token], postgres://somebody:[secret]@db/x',
      stack: '    at f (x.js:1)',
    })
  })
})
