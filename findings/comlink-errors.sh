#!/usr/bin/env bash
#
# comlink 4.4.2
#
# Expectation: Comlink says that exceptions are caught and re-thrown on the other side. Errors carry their meaning in
# code and cause (Node, DOM libraries and database drivers all do), and structured clone keeps the cause, so the page
# can decide by error.code as the worker would.
#
# Seen: What is thrown is rebuilt from name, message and stack alone. code, cause and the class are gone; an
# AggregateError has no errors; name becomes an own enumerable property. The same error as a return value goes through
# structured clone and keeps its cause.
#
# Who is hurt: Identity code in a shared worker throws "offline", "expired" and "wrong principal" as codes. In the page
# each is an Error without a code, so a lost network is handled as a refused sign-in, or nothing matches and the app
# retries for ever.
#
# Remedy: Return a result object instead of throwing, or register a transfer handler of the name "throw" that carries
# code and cause.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  comlink@4.4.2 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import * as Comlink from 'comlink'

const { port1, port2 } = new MessageChannel()
const offline = () =>
  Object.assign(new Error('no network', { cause: new TypeError('fetch failed') }), { code: 'OFFLINE' })
Comlink.expose(
  {
    throws() {
      throw offline()
    },
    returns: offline,
    throwsMany() {
      throw new AggregateError([offline()], 'all failed')
    },
  },
  port2,
)

const worker = Comlink.wrap(port1)
const show = (label, error) =>
  console.log(label, JSON.stringify([error.message, error.code ?? null, error.cause?.message ?? null]))
show('made    ', offline())
await worker.throws().catch((error) => show('thrown  ', error))
show('returned', await worker.returns())
await worker.throwsMany().catch((error) => console.log('many    ', error.name, error.errors ?? 'no errors'))
process.exit()
SCRIPT

cat >surprise.txt <<'OUTPUT'
made     ["no network","OFFLINE","fetch failed"]
thrown   ["no network",null,null]
returned ["no network",null,"fetch failed"]
many     AggregateError no errors
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: comlink 4.4.2'
echo 'expected: code and cause of a thrown error arrive'
echo 'seen:     name and message arrive, code, cause and errors do not'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
