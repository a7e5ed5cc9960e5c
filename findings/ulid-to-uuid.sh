#!/usr/bin/env bash
#
# ulid 3.0.2, uuid 14.0.3
#
# Expectation: ulidToUUID returns a UUID: that is its name, its return type and its documentation. As a ULID has the
# time in front like a UUIDv7, version and variant would be set to 7.
#
# Seen: The 128 bits are copied as they are, in capitals. Version and variant are random: of 20,000 results about
# one in nine is a UUID of RFC 9562 by the package uuid, the others are not.
#
# Who is hurt: A table or an API that validates ids: most converted ids are refused, some pass, and those that pass
# claim to be UUIDs of any version, so code that tells kinds of ids by their version misreads them.
#
# Remedy: Make UUIDv7 with the package uuid or uuidv7 where a UUID is wanted; keep ULIDs as text.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  ulid@3.0.2 uuid@14.0.3 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { ulid, ulidToUUID } from 'ulid'
import { validate } from 'uuid'

const rounds = 20_000
let valid = 0
for (let index = 0; index < rounds; index += 1) if (validate(ulidToUUID(ulid()))) valid += 1
console.log('share of valid UUIDs between 5 % and 20 %:', valid > rounds * 0.05 && valid < rounds * 0.2)
console.log(ulidToUUID('01ARZ3NDEKTSV4RRFFQ69G5FAV'), validate(ulidToUUID('01ARZ3NDEKTSV4RRFFQ69G5FAV')))
SCRIPT

cat >surprise.txt <<'OUTPUT'
share of valid UUIDs between 5 % and 20 %: true
01563E3A-B5D3-D676-4C61-EFB99302BD5B false
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: ulid 3.0.2, uuid 14.0.3'
echo 'expected: each result is a valid UUID'
echo 'seen:     about one in nine is'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
