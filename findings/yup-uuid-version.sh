#!/usr/bin/env bash
#
# yup 1.7.1, uuid 14.0.3
#
# Expectation: string().uuid() accepts the UUIDs of RFC 9562 (2024), versions 1 to 8, as uuid, zod, valibot, Joi,
# validator and ajv-formats do in their current releases.
#
# Seen: yup knows versions 1 to 5: a UUIDv6, the now common UUIDv7 and a UUIDv8 are "must be a valid UUID". Its
# documentation names no version.
#
# Who is hurt: An app whose row or user ids are UUIDv7 or whose identifiers carry a hash as UUIDv8: the form of a
# new record is refused although the database, the API and the other validators take it.
#
# Remedy: string().matches() with an expression of one's own, or string().test() with validate of the package uuid.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  yup@1.7.1 uuid@14.0.3 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { validate } from 'uuid'
import { string } from 'yup'

for (let version = 1; version <= 8; version += 1) {
  const id = `0190a3b2-1234-${version}abc-9def-0123456789ab`
  console.log(version, 'uuid:', validate(id), 'yup:', string().uuid().isValidSync(id))
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
1 uuid: true yup: true
2 uuid: true yup: true
3 uuid: true yup: true
4 uuid: true yup: true
5 uuid: true yup: true
6 uuid: true yup: false
7 uuid: true yup: false
8 uuid: true yup: false
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: yup 1.7.1, uuid 14.0.3'
echo 'expected: the versions of RFC 9562, 1 to 8'
echo 'seen:     versions 1 to 5 only'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
