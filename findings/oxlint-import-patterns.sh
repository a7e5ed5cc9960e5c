#!/usr/bin/env bash
#
# oxlint 1.89.0, eslint 9.39.5
#
# Expectation: no-restricted-imports of oxlint reports what the rule of the same name and with the same options reports
# in ESLint, or oxlint refuses an option that it cannot apply.
#
# Seen: A `regex` with a lookahead, such as "any file of the parent folder but auth.ts", matches nothing: no error, no
# warning, exit code 0. And of several patterns, an exception (`!`) in one withdraws what another one forbids by name.
# ESLint reports all of these imports.
#
# Who is hurt: Packages that keep layers apart with this rule, such as "no server code in what a browser loads", and move
# from ESLint to oxlint with their configuration: the lint step stays green, and checks nothing.
#
# Remedy: One `group` per folder that lists what is allowed (["**", "!./*", "!../auth.ts"]), and a test that lints
# imports which have to be reported.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --no-audit --no-fund oxlint@1.89.0 eslint@9.39.5 >>install.log 2>&1 ||
  { cat install.log >&2; exit 2; }

echo "import { it } from '../database.js'
export const used = it" >source.mjs

cat >run.mjs <<'SCRIPT'
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'

const RULES = {
  'a regex': [{ regex: '^\\.\\./' }],
  'a regex with a lookahead': [{ regex: '^\\.\\./(?!auth\\.js$)' }],
  'a name': [{ group: ['../database.js'] }],
  'a name, and another pattern with an exception': [{ group: ['../database.js'] }, { group: ['node:*', '!../*'] }],
}
const PROGRAMS = {
  eslint: ['node_modules/.bin/eslint', '-c', 'eslint.config.mjs', 'source.mjs'],
  oxlint: ['node_modules/.bin/oxlint', '-c', 'oxlint.json', 'source.mjs'],
}
for (const [what, patterns] of Object.entries(RULES)) {
  const rules = { 'no-restricted-imports': ['error', { patterns }] }
  writeFileSync('oxlint.json', JSON.stringify({ rules }))
  writeFileSync('eslint.config.mjs', `export default [${JSON.stringify({ rules })}]`)
  const seen = Object.entries(PROGRAMS).map(([name, [program, ...options]]) => {
    const { status, stdout } = spawnSync(program, options, { encoding: 'utf8' })
    return `${name} ${/restricted/.test(stdout) ? 'reports it' : 'reports nothing'} (exit code ${status})`
  })
  console.log(`${what}: ${seen.join(', ')}`)
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
a regex: eslint reports it (exit code 1), oxlint reports it (exit code 1)
a regex with a lookahead: eslint reports it (exit code 1), oxlint reports nothing (exit code 0)
a name: eslint reports it (exit code 1), oxlint reports it (exit code 1)
a name, and another pattern with an exception: eslint reports it (exit code 1), oxlint reports nothing (exit code 0)
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: oxlint 1.89.0, eslint 9.39.5'
echo 'expected: oxlint reports each import, as eslint does, or refuses the option'
echo 'seen:     oxlint reports nothing in two of four cases, and succeeds'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
