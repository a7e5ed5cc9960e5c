#!/usr/bin/env bash
#
# i18next 26.7.2, node-polyglot 2.6.0, @fluent/bundle 0.19.1, intl-messageformat 12.1.5
#
# Expectation: A count of "1" is one item: the libraries take a numeric text for the number, or report it.
#
# Seen: i18next shows the key of the message, since it looks for no plural form if count is a string; a key with a plain
# form as well shows that one. polyglot says "1 notes", and as a short second argument it shows the whole phrase with
# its separator. fluent takes the form for other. Only intl-messageformat says "1 note". None of them reports anything
# with its defaults.
#
# Who is hurt: Apps that show a count from a query parameter, a form, a JSON column or a bigint of Postgres, which pg
# and most drivers give as a text: people read inbox.count or "1 notes".
#
# Remedy: Number(count) where the message is called; a type of number for count in the declarations of the messages.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  i18next@26.7.2 node-polyglot@2.6.0 @fluent/bundle@0.19.1 intl-messageformat@12.1.5 \
  >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { FluentBundle, FluentResource } from '@fluent/bundle'
import i18next from 'i18next'
import { IntlMessageFormat } from 'intl-messageformat'
import Polyglot from 'node-polyglot'

const instance = i18next.createInstance()
const translation = { notes_one: '{{count}} note', notes_other: '{{count}} notes' }
await instance.init({ lng: 'en', resources: { en: { translation } } })
const polyglot = new Polyglot({ locale: 'en', phrases: { notes: '%{smart_count} note |||| %{smart_count} notes' } })
const source = 'notes = { $count ->\n  [one] { $count } note\n *[other] { $count } notes\n}'
const bundle = new FluentBundle('en', { useIsolating: false })
bundle.addResource(new FluentResource(source))
const fluent = (args, errors) => bundle.formatPattern(bundle.getMessage('notes').value, args, errors)
const icu = new IntlMessageFormat('{count, plural, one {# note} other {# notes}}', 'en')

for (const count of [1, '1']) {
  const errors = []
  console.log(`${typeof count}: i18next: ${instance.t('notes', { count })}`)
  console.log(`  polyglot: ${polyglot.t('notes', { smart_count: count })}, short: ${polyglot.t('notes', count)}`)
  console.log(`  fluent: ${fluent({ count }, errors)}, errors ${errors.length}, intl-messageformat: ${icu.format({ count })}`)
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
number: i18next: 1 note
  polyglot: 1 note, short: 1 note
  fluent: 1 note, errors 0, intl-messageformat: 1 note
string: i18next: notes
  polyglot: 1 notes, short: %{smart_count} note |||| %{smart_count} notes
  fluent: 1 notes, errors 0, intl-messageformat: 1 note
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: i18next 26.7.2, node-polyglot 2.6.0, @fluent/bundle 0.19.1, intl-messageformat 12.1.5'
echo 'expected: 1 note'
echo 'seen:     notes, 1 notes, and the phrase with ||||'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
