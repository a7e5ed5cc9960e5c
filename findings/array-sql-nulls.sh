#!/usr/bin/env bash
#
# alasql 4.19.1
#
# Expectation: In SQL, a null that was inserted is found by IS NULL, is not counted by count(column) and avg, and equals
# nothing in a join. alasql calls itself a SQL database.
#
# Seen: INSERT with the word NULL stores a value that IS NULL does not find and that count and avg count; a null given
# as a parameter is stored as 0. In arrays of objects, which it queries as well, count and avg are right, but two nulls
# are joined as equal, and sorting puts null between -5 and 1.
#
# Who is hurt: Reports in the browser over data that a sync engine holds: "not yet paid" is an empty list, an average
# falls with each row that has no value, rows without a customer are joined with each other. Rows without nulls are all
# right, so examples and tests are.
#
# Remedy: SQLite in WebAssembly or PGlite where nulls matter; otherwise leave the column out of the row instead of null,
# and keep nulls out with WHERE before avg.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  alasql@4.19.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import alasql from 'alasql'

const show = (statement, ...parameters) => {
  console.log(statement, JSON.stringify(parameters), '->', JSON.stringify(alasql(statement, parameters)))
}

alasql('CREATE TABLE bills (id INT, paid INT)')
alasql('INSERT INTO bills VALUES (1, 20), (2, NULL)')
alasql('INSERT INTO bills VALUES (?, ?)', [3, null])
alasql('INSERT INTO bills (id) VALUES (4)')
show('SELECT id, paid FROM bills')
show('SELECT id FROM bills WHERE paid IS NULL')
show('SELECT COUNT(paid) AS counted, AVG(paid) AS average FROM bills')

const ratings = [{ stars: 4 }, { stars: null }, { stars: 2 }]
show('SELECT COUNT(stars) AS counted, AVG(stars) AS average FROM ?', ratings)
show('SELECT a.stars FROM ? a JOIN ? b ON a.stars = b.stars', [{ stars: null }], [{ stars: null }])
show('SELECT stars FROM ? ORDER BY stars', [{ stars: 1 }, { stars: null }, { stars: -5 }])
SCRIPT

cat >surprise.txt <<'OUTPUT'
SELECT id, paid FROM bills [] -> [{"id":1,"paid":20},{"id":2,"paid":null},{"id":3,"paid":0},{"id":4}]
SELECT id FROM bills WHERE paid IS NULL [] -> [{"id":4}]
SELECT COUNT(paid) AS counted, AVG(paid) AS average FROM bills [] -> [{"counted":3,"average":6.666666666666667}]
SELECT COUNT(stars) AS counted, AVG(stars) AS average FROM ? [[{"stars":4},{"stars":null},{"stars":2}]] -> [{"counted":2,"average":3}]
SELECT a.stars FROM ? a JOIN ? b ON a.stars = b.stars [[{"stars":null}],[{"stars":null}]] -> [{"stars":null}]
SELECT stars FROM ? ORDER BY stars [[{"stars":1},{"stars":null},{"stars":-5}]] -> [{"stars":-5},{"stars":null},{"stars":1}]
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: alasql 4.19.1'
echo 'expected: bills 2, 3 and 4 are null; counted 1, average 20'
echo 'seen:         a null that IS NULL does not find, a null that became 0, an average over all'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
