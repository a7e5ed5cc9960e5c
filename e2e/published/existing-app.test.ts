import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const folder = fileURLToPath(new URL('existing-app', import.meta.url))

/** Lines of a unified diff that are new or changed; a line that only went away counts too. */
function changedLines(): number {
  const diff = run('git', ['diff', '--no-index', '--unified=0', '--stat=200', '--numstat', 'before', 'after'])
  const rows = [...diff.matchAll(/^(\d+)\t(\d+)\t/gm)]
  return rows.reduce((total, [, added, removed]) => total + Math.max(Number(added), Number(removed)), 0)
}

function run(program: string, parameters: string[]): string {
  try {
    return execFileSync(program, parameters, { cwd: folder, encoding: 'utf8' })
  } catch (error) {
    // `git diff --no-index` ends with 1 where there is a difference.
    return (error as { stdout: string }).stdout
  }
}

test('an existing Better Auth app reaches its first upgraded user with at most 15 changed lines (checklist 36: an existing app)', () => {
  const lines = changedLines()
  expect(lines).toBeGreaterThan(0)
  expect(lines).toBeLessThanOrEqual(15)
})
