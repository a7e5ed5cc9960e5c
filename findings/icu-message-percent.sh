#!/usr/bin/env bash
#
# intl-messageformat 12.1.5, @messageformat/core 3.4.1, @lingui/core 5.9.5
#
# Expectation: ICU MessageFormat is one language: a message that translators wrote reads the same in FormatJS
# (react-intl), messageformat and Lingui. In a plural, # is the number, wherever it stands; ::percent and percent mean
# the same.
#
# Seen: {n, number, ::percent} of 0.25 is 25% in intl-messageformat and 0.25% in messageformat; without the colons both
# say 25%. In a select inside of a plural, # is the number in messageformat and the character # in the other two. ICU
# itself sides with messageformat for the first and with the other two for the second.
#
# Who is hurt: An app that moves its catalogues to another library, or renders mails on a server with one and pages with
# the other: "3 # devices were removed" and a storage that is 0.25% full appear in languages that need the nested form,
# English may not.
#
# Remedy: {n} in place of # in a nested select, and the select outside of the plural; {n, number, percent}, or ::percent
# scale/100 for messageformat; one test that renders each message of each catalogue.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  intl-messageformat@12.1.5 @messageformat/core@3.4.1 @lingui/core@5.9.5 @lingui/message-utils@5.9.5 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { setupI18n } from '@lingui/core'
import { compileMessage } from '@lingui/message-utils/compileMessage'
import MessageFormat from '@messageformat/core'
import { IntlMessageFormat } from 'intl-messageformat'

const libraries = {
  'intl-messageformat': (message, values) => new IntlMessageFormat(message, 'en').format(values),
  messageformat: (message, values) => new MessageFormat('en').compile(message)(values),
  lingui: (message, values) => setupI18n({ locale: 'en', messages: { en: { id: compileMessage(message) } } })._('id', values),
}
const note = { n: 3, kind: 'note' }
const messages = [
  ['{n, number, percent} full', { n: 0.25 }],
  ['{n, number, ::percent} full', { n: 0.25 }],
  ['{n, number, ::percent scale/100} full', { n: 0.25 }],
  ['{n, plural, one {# note} other {# notes}}', { n: 3 }],
  ['{n, plural, one {{kind, select, note {# note} other {# file}}} other {{kind, select, note {# notes} other {# files}}}}', note],
  ['{kind, select, note {{n, plural, one {# note} other {# notes}}} other {{n, plural, one {# file} other {# files}}}}', note],
]
for (const [message, values] of messages) {
  console.log(message)
  for (const [name, format] of Object.entries(libraries)) {
    let text
    try {
      text = format(message, values)
    } catch {
      text = 'an error'
    }
    console.log(`  ${name}: ${text}`)
  }
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
{n, number, percent} full
  intl-messageformat: 25% full
  messageformat: 25% full
  lingui: 25% full
{n, number, ::percent} full
  intl-messageformat: 25% full
  messageformat: 0.25% full
  lingui: an error
{n, number, ::percent scale/100} full
  intl-messageformat: 2,500% full
  messageformat: 25% full
  lingui: an error
{n, plural, one {# note} other {# notes}}
  intl-messageformat: 3 notes
  messageformat: 3 notes
  lingui: 3 notes
{n, plural, one {{kind, select, note {# note} other {# file}}} other {{kind, select, note {# notes} other {# files}}}}
  intl-messageformat: # notes
  messageformat: 3 notes
  lingui: # notes
{kind, select, note {{n, plural, one {# note} other {# notes}}} other {{n, plural, one {# file} other {# files}}}}
  intl-messageformat: 3 notes
  messageformat: 3 notes
  lingui: 3 notes
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: intl-messageformat 12.1.5, @messageformat/core 3.4.1, @lingui/core 5.9.5, @lingui/message-utils 5.9.5'
echo 'expected: one text for one message'
echo 'seen:         25% and 0.25%, "3 notes" and "# notes"'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
