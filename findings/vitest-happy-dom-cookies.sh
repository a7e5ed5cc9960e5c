#!/usr/bin/env bash
#
# vitest 4.1.12, happy-dom 21.0.4, better-auth 1.7.25
#
# Expectation: A test of a component and of a Better Auth server in one file, with a document: auth.handler(new
# Request(url, { headers: { cookie } })) is signed in, as in the environment node.
#
# Seen: happy-dom's Request drops Cookie and its Response drops Set-Cookie, as a page's would. Signing up answers
# 200 with a user and no cookie, and a request with the cookie of somebody signed in is nobody's. Nothing throws.
#
# Who is hurt: Tests that switch their environment for speed: everything that must be refused still is, so those
# tests stay green, and the others say "not signed in" without a cause. A test that all routes need a session proves
# nothing there.
#
# Remedy: The environment node for files that call handlers (a comment at the top of the file), or auth.api with a
# Headers object, which keeps the name.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  vitest@4.1.12 happy-dom@21.0.4 better-auth@1.7.25 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

writeFileSync(
  'probe.test.mjs',
  `
import { writeFileSync } from 'node:fs'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { test } from 'vitest'

test('cookies', async () => {
  const auth = betterAuth({
    baseURL: 'http://localhost:3000',
    secret: 'K3vN8pQ1rT6wX9zB4dF7hJ2mL5sV0yC3',
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    emailAndPassword: { enabled: true },
    telemetry: { enabled: false },
  })
  const body = { name: 'Ada', email: 'ada@notes.test', password: 'correct horse' }
  const signUp = new Request('http://localhost:3000/api/auth/sign-up/email', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  const answer = await auth.handler(signUp)
  const { headers } = await auth.api.signInEmail({ body, returnHeaders: true })
  const cookie = (headers.getSetCookie()[0] ?? '').split(';')[0]
  const session = (headers) => auth.handler(new Request('http://localhost:3000/api/auth/get-session', { headers }))
  const found = await (await session({ cookie })).json()
  const direct = await auth.api.getSession({ headers: new Headers({ cookie }) })
  const line = ['sign-up', answer.status, 'cookies', answer.headers.getSetCookie().length, 'handler:', found?.user.name ?? 'nobody', 'api:', direct?.user.name ?? 'nobody']
  writeFileSync('seen.json', line.join(' '))
})
`,
)
for (const environment of ['node', 'happy-dom']) {
  const run = spawnSync('npx', ['vitest', 'run', '--environment', environment], { encoding: 'utf8' })
  if (run.status !== 0) throw new Error(run.stdout + run.stderr)
  console.log(readFileSync('seen.json', 'utf8').replace(/^/gm, `${environment}: `))
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
node: sign-up 200 cookies 1 handler: Ada api: Ada
happy-dom: sign-up 200 cookies 0 handler: nobody api: Ada
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: vitest 4.1.12, happy-dom 21.0.4, better-auth 1.7.25'
echo 'expected: signed in in both environments'
echo 'seen:     signed out in happy-dom, without an error'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
