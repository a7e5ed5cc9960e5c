#!/usr/bin/env bash
#
# better-auth 1.7.25
#
# Expectation: A second sign-in of the same person in the same browser (from a stale tab, or by a magic link) ends with
# a session, and plugins that have nothing to do with each other may stand in any order.
#
# Seen: With multiSession() before anonymous(), the second answer is 200 with a token in its body, and its cookie is an
# order to delete the session cookie: the first plugin deletes the user's earlier session, and the other looks for the
# session that the request came with, finds none, and clears the cookie that was just set. With the other order, or with
# one of the two, the browser stays signed in.
#
# Who is hurt: Apps with guests and several accounts on a device, which is where both plugins are used. A client that
# takes the 200 for a session starts to sync as nobody, and every other sign-in appears to work.
#
# Remedy: anonymous() before multiSession(), and a client that reads the session again after signing in.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  better-auth@1.7.25 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { anonymous, multiSession } from 'better-auth/plugins'

const origin = 'http://localhost:3000'
const models = ['user', 'session', 'account', 'verification']

async function twice(label, plugins) {
  const auth = betterAuth({
    secret: 'a secret for this test only, 32 characters',
    baseURL: origin,
    database: memoryAdapter(Object.fromEntries(models.map((model) => [model, []]))),
    emailAndPassword: { enabled: true },
    plugins,
  })
  const jar = new Map()
  async function request(path, body) {
    const response = await auth.handler(
      new Request(`${origin}/api/auth${path}`, {
        method: body ? 'POST' : 'GET',
        body: body && JSON.stringify(body),
        headers: { origin, 'content-type': 'application/json', cookie: [...jar.values()].join('; ') },
      }),
    )
    for (const cookie of response.headers.getSetCookie()) {
      const [pair] = cookie.split(';')
      const [name] = pair.split('=')
      if (/max-age=0/i.test(cookie)) jar.delete(name)
      else jar.set(name, pair)
    }
    return { status: response.status, body: await response.json() }
  }
  const credentials = { email: 'ann@example.com', password: 'correct horse' }
  await request('/sign-up/email', { ...credentials, name: 'Ann' })
  await request('/sign-out', {})
  for (const attempt of ['first', 'second', 'third']) {
    const { status } = await request('/sign-in/email', credentials)
    const { body } = await request('/get-session')
    console.log(label, '|', attempt, 'sign-in:', status, '| session of:', body?.user.email ?? 'nobody')
  }
}

await twice('neither            ', [])
await twice('multi-session      ', [multiSession()])
await twice('anonymous          ', [anonymous()])
await twice('both, multi first  ', [multiSession(), anonymous()])
await twice('both, anon first   ', [anonymous(), multiSession()])
SCRIPT

cat >surprise.txt <<'OUTPUT'
neither             | first sign-in: 200 | session of: ann@example.com
neither             | second sign-in: 200 | session of: ann@example.com
neither             | third sign-in: 200 | session of: ann@example.com
multi-session       | first sign-in: 200 | session of: ann@example.com
multi-session       | second sign-in: 200 | session of: ann@example.com
multi-session       | third sign-in: 200 | session of: ann@example.com
anonymous           | first sign-in: 200 | session of: ann@example.com
anonymous           | second sign-in: 200 | session of: ann@example.com
anonymous           | third sign-in: 200 | session of: ann@example.com
both, multi first   | first sign-in: 200 | session of: ann@example.com
both, multi first   | second sign-in: 200 | session of: nobody
both, multi first   | third sign-in: 200 | session of: ann@example.com
both, anon first    | first sign-in: 200 | session of: ann@example.com
both, anon first    | second sign-in: 200 | session of: ann@example.com
both, anon first    | third sign-in: 200 | session of: ann@example.com
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: better-auth 1.7.25'
echo 'expected: signed in after each sign-in'
echo 'seen:     signed out after the second, with one order of the plugins'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
