#!/usr/bin/env bash
#
# humanparser 2.7.0, parse-full-name 1.2.7
#
# Expectation: A parser of names makes first and last name of a name of two words, and no part gets lost: Mary Ma is
# Mary and Ma.
#
# Seen: humanparser takes Ma for a degree (M.A.): the last name of Mary Ma is empty, and of Mr Ma too. parse-full-name
# takes Van, Von, Le, Della, Du, La and St for the beginning of a last name also where the name begins with it: Van
# Hale, Le Tran, Della Rossi and Du Lam have no first name.
#
# Who is hurt: Sign-up and import forms that split a full name for an invoice, an address book or given_name and
# family_name: people with such names cannot go on where both fields are required, or are greeted with nothing.
#
# Remedy: Do not split: ask for the name to show and, where a document wants parts, for the parts.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  humanparser@2.7.0 parse-full-name@1.2.7 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import humanparser from 'humanparser'
import full from 'parse-full-name'

for (const name of ['Mary Miller', 'Mary Ma', 'Mr Ma', 'Van Hale', 'Le Tran', 'Della Rossi', 'Du Lam']) {
  const human = humanparser.parseName(name)
  const parts = full.parseFullName(name)
  console.log(`${name}: humanparser ${JSON.stringify({ first: human.firstName, last: human.lastName, suffix: human.suffix })}`)
  console.log(`  parse-full-name ${JSON.stringify({ first: parts.first, last: parts.last, suffix: parts.suffix })}`)
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
Mary Miller: humanparser {"first":"Mary","last":"Miller"}
  parse-full-name {"first":"Mary","last":"Miller","suffix":""}
Mary Ma: humanparser {"first":"Mary","last":"","suffix":"Ma"}
  parse-full-name {"first":"Mary","last":"Ma","suffix":""}
Mr Ma: humanparser {"first":"Mr","last":"","suffix":"Ma"}
  parse-full-name {"first":"","last":"Ma","suffix":""}
Van Hale: humanparser {"first":"Van","last":"Hale"}
  parse-full-name {"first":"","last":"Van Hale","suffix":""}
Le Tran: humanparser {"first":"Le","last":"Tran"}
  parse-full-name {"first":"","last":"Le Tran","suffix":""}
Della Rossi: humanparser {"first":"Della","last":"Rossi"}
  parse-full-name {"first":"","last":"Della Rossi","suffix":""}
Du Lam: humanparser {"first":"Du","last":"Lam"}
  parse-full-name {"first":"","last":"Du Lam","suffix":""}
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: humanparser 2.7.0, parse-full-name 1.2.7'
echo 'expected: a first and a last name'
echo 'seen:     an empty first or last name'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
