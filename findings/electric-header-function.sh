#!/usr/bin/env bash
#
# @electric-sql/client 1.5.28
#
# Expectation: A header of a ShapeStream that is a function is asked before each request, so it always sends the current
# token. What onError returns after a 401 is for the repetition of the refused request.
#
# Seen: A header that onError returns replaces the function for the rest of the stream: it is never called again. The
# stream goes on with the fixed token, also after the app has another user or no user.
#
# Who is hurt: Apps that follow both examples of the documentation, a function for the token and a fresh token from
# onError. After the first refusal, each following request carries the token of the moment of the refusal, and a change
# of user or a sign-out does not reach the stream until the server refuses that token.
#
# Remedy: Refresh the token in onError, and return {}: the function is asked again and sends the fresh one. End the
# stream when the user changes.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund @electric-sql/client@1.5.28 >>install.log 2>&1 ||
  { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { ShapeStream } from '@electric-sql/client'

/** A shape without rows. The token `old` is accepted for three requests, then refused. */
function answer(count, token) {
  if (token === 'old' && count > 3) return Response.json({ message: 'expired' }, { status: 401 })
  const headers = {
    'electric-handle': 'shape',
    'electric-offset': `${count}_0`,
    'electric-schema': '{}',
    'electric-cursor': String(count),
  }
  return Response.json([{ headers: { control: 'up-to-date' } }], { headers })
}

async function follow(title, returned) {
  let current = 'old'
  const sent = []
  const stop = new AbortController()
  const stream = new ShapeStream({
    url: 'http://localhost/v1/shape',
    params: { table: 'notes' },
    signal: stop.signal,
    headers: { authorization: () => current },
    fetchClient: async (_, { headers }) => {
      const { authorization } = Object.fromEntries(new Headers(headers))
      sent.push(authorization)
      // Another user signs in.
      if (sent.length === 7) current = 'of another user'
      if (sent.length === 9) stop.abort()
      return answer(sent.length, authorization)
    },
    onError: () => {
      current = 'fresh'
      return returned
    },
  })
  stream.subscribe(() => {})
  await new Promise((resolve) => stop.signal.addEventListener('abort', resolve))
  console.log(`${title}: ${sent.join(', ')}`)
}

await follow('a header', { headers: { authorization: 'fresh' } })
await follow('{}', {})
SCRIPT

cat >surprise.txt <<'OUTPUT'
a header: old, old, old, old, fresh, fresh, fresh, fresh, fresh
{}: old, old, old, old, fresh, fresh, fresh, of another user, of another user
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @electric-sql/client 1.5.28'
echo 'expected: the last two requests have the token of the other user, whatever onError returned'
echo 'seen:     after onError returned a header, all requests have that token'
echo 'output (tokens of nine requests, by what onError returned):'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
