#!/usr/bin/env bash
#
# @electric-sql/client 1.5.28
#
# Expectation: snakeCamelMapper() gives columns camel case names in the app and the same columns back to the server: a
# name that was decoded is encoded to itself.
#
# Seen: Where a part of the name is one letter or begins with a digit it comes back as another one: point_x_y is pointXY
# is point_xy, sha_256_hash is sha_256Hash is sha_256hash. Rows are read right, and conditions and column lists ask for
# a column that is not there.
#
# Who is hurt: Tables with such columns: the list works until it is filtered by the column, and the error names a column
# that nobody wrote.
#
# Remedy: createColumnMapper with the names written out.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  @electric-sql/client@1.5.28 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { snakeCamelMapper } from '@electric-sql/client'

const mapper = snakeCamelMapper()
for (const column of ['created_at', 'user_2fa', 'plan_b_id', 'point_x_y', 'vitamin_b_c', 'sha_256_hash', 'oauth_2_token']) {
  const name = mapper.decode(column)
  console.log(`${column}: ${name}, ${mapper.encode(name)}`)
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
created_at: createdAt, created_at
user_2fa: user_2fa, user_2fa
plan_b_id: planBId, plan_b_id
point_x_y: pointXY, point_xy
vitamin_b_c: vitaminBC, vitamin_bc
sha_256_hash: sha_256Hash, sha_256hash
oauth_2_token: oauth_2Token, oauth_2token
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: @electric-sql/client 1.5.28'
echo 'expected: point_x_y and sha_256_hash'
echo 'seen:     point_xy and sha_256hash'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
