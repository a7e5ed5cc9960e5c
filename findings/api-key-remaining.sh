#!/usr/bin/env bash
#
# better-auth 1.7.25, @better-auth/api-key 1.7.5
#
# Expectation: remaining is the number of uses that are left; a refused request is no use. A key at its end answers
# USAGE_EXCEEDED until its owner raises the number.
#
# Seen: A key with remaining: 12 and the default limit (ten a day) serves ten requests. Two refused ones take the rest,
# the next answer is USAGE_EXCEEDED and deletes the row, and from then on the key is INVALID_API_KEY.
#
# Who is hurt: A sync client or a script that retries on RATE_LIMITED, as it should, spends its owner's quota on
# refusals and loses the key; the app cannot say "used up" any more, and nothing is left to refill.
#
# Remedy: Set rateLimit for each key to what remaining allows, or count uses in your own table; wait for
# details.tryAgainIn before a retry; give a refillAmount and refillInterval so that the row stays.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  better-auth@1.7.25 @better-auth/api-key@1.7.5 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { apiKey } from '@better-auth/api-key'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'

const database = Object.fromEntries(
  ['user', 'session', 'account', 'verification', 'apikey'].map((model) => [model, []]),
)
const auth = betterAuth({
  secret: 'a secret for this test only, 32 characters',
  baseURL: 'http://localhost:3000',
  database: memoryAdapter(database),
  emailAndPassword: { enabled: true },
  plugins: [apiKey()],
  logger: { disabled: true },
})
const { user } = await auth.api.signUpEmail({
  body: { name: 'Ann', email: 'ann@example.com', password: 'correct horse' },
})
const { key } = await auth.api.createApiKey({ body: { userId: user.id, remaining: 12 } })
for (let request = 1; request <= 14; request++) {
  const { valid, error } = await auth.api.verifyApiKey({ body: { key } })
  const left = database.apikey[0]?.remaining ?? 'no row'
  console.log(String(request).padStart(2), valid ? 'valid' : error.code, '| remaining:', left)
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
 1 valid | remaining: 11
 2 valid | remaining: 10
 3 valid | remaining: 9
 4 valid | remaining: 8
 5 valid | remaining: 7
 6 valid | remaining: 6
 7 valid | remaining: 5
 8 valid | remaining: 4
 9 valid | remaining: 3
10 valid | remaining: 2
11 RATE_LIMITED | remaining: 1
12 RATE_LIMITED | remaining: 0
13 USAGE_EXCEEDED | remaining: no row
14 INVALID_API_KEY | remaining: no row
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: better-auth 1.7.25, @better-auth/api-key 1.7.5'
echo 'expected: refusals cost nothing, and a key at its end can be seen'
echo 'seen:     refusals cost uses, and the row is gone'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
