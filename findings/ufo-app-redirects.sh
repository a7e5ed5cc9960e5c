#!/usr/bin/env bash
#
# ufo 1.6.4
#
# Expectation: withQuery adds a parameter to an address and leaves the rest of it alone; withHttps puts https:// in
# front of a host; normalizeURL gives an address that means the same. The URL class of the platform takes all the
# addresses below.
#
# Seen: The redirect address of a native app in the form that RFC 8252 shows, com.example.app:/callback, becomes "//"
# with the new parameter: scheme, path and code are gone. localhost:3000 becomes https://3000, since the name in front
# of the port is taken for a scheme. normalizeURL turns %2B in a fragment into +, which URLSearchParams reads as a
# space.
#
# Who is hurt: A server built on Nitro or Nuxt, where ufo is the helper at hand, that sends an app's user back with
# withQuery(redirectUri, { code }): the browser goes to the server's own start page, while https and scheme://
# addresses work; a base address from a setting without a scheme loses its host; a token in a fragment changes.
#
# Remedy: new URL(address) and searchParams.set for anything that leaves the own origin; com.example.app://callback
# where the app can choose.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  ufo@1.6.4 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { normalizeURL, withHttps, withQuery } from 'ufo'

for (const address of ['https://app.test/callback?state=a', 'com.example.app://callback?state=a', 'com.example.app:/callback?state=a']) {
  const url = new URL(address)
  url.searchParams.set('code', 'b')
  console.log('URL:', url.href, '| withQuery:', withQuery(address, { code: 'b' }))
}
for (const host of ['app.test:3000/api', 'localhost:3000/api', 'localhost/api']) console.log('withHttps:', host, '->', withHttps(host))
const fragment = (address) => new URLSearchParams(address.split('#')[1]).get('token')
const link = 'https://app.test/join#token=a%2Bb'
console.log('token:', fragment(link), '| after normalizeURL:', fragment(normalizeURL(link)))
SCRIPT

cat >surprise.txt <<'OUTPUT'
URL: https://app.test/callback?state=a&code=b | withQuery: https://app.test/callback?state=a&code=b
URL: com.example.app://callback?state=a&code=b | withQuery: com.example.app://callback?state=a&code=b
URL: com.example.app:/callback?state=a&code=b | withQuery: //?code=b
withHttps: app.test:3000/api -> https://3000/api
withHttps: localhost:3000/api -> https://3000/api
withHttps: localhost/api -> https://localhost/api
token: a+b | after normalizeURL: a b
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: ufo 1.6.4'
echo 'expected: the same address with one parameter more'
echo 'seen:     an address without scheme, path and state'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
