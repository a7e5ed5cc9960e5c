#!/usr/bin/env bash
#
# gettext-parser 10.0.0, node-gettext 3.0.0
#
# Expectation: Compiling a .po file to .mo leaves out the entries that are marked fuzzy, as msgfmt does unless it is
# called with --use-fuzzy: a fuzzy translation is a guess made from a similar text and waits for a translator.
#
# Seen: mo.compile of gettext-parser writes fuzzy entries like checked ones, and node-gettext shows them, from the .mo
# file and from the parsed .po file. There is no option for it. Untranslated and obsolete entries are left out.
#
# Who is hurt: After a text of the app was changed, msgmerge marks the old translation as fuzzy: "Delete the backup"
# appears under the translation of "Download the backup" in every language whose translators have not come to it yet,
# while English is right.
#
# Remedy: Delete the entries whose comments.flag contains fuzzy before compiling or loading, or compile with msgfmt.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  gettext-parser@10.0.0 node-gettext@3.0.0 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { mo, po } from 'gettext-parser'
import Gettext from 'node-gettext'

const file = `msgid ""
msgstr "Content-Type: text/plain; charset=utf-8\\n"

msgid "Cancel"
msgstr "Abbrechen"

#, fuzzy
#| msgid "Download the backup"
msgid "Delete the backup"
msgstr "Sicherung herunterladen"

msgid "Sign out"
msgstr ""

#~ msgid "Log out"
#~ msgstr "Ausloggen"
`
const parsed = po.parse(file)
const catalogues = { 'from .po': parsed, 'from .mo': mo.parse(mo.compile(parsed)) }
for (const [name, catalogue] of Object.entries(catalogues)) {
  const gettext = new Gettext()
  gettext.on('error', () => {})
  gettext.addTranslations('de', 'messages', catalogue)
  gettext.setLocale('de')
  for (const text of ['Cancel', 'Delete the backup', 'Sign out', 'Log out']) console.log(name, '|', text, '->', gettext.gettext(text))
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
from .po | Cancel -> Abbrechen
from .po | Delete the backup -> Sicherung herunterladen
from .po | Sign out -> Sign out
from .po | Log out -> Log out
from .mo | Cancel -> Abbrechen
from .mo | Delete the backup -> Sicherung herunterladen
from .mo | Sign out -> Sign out
from .mo | Log out -> Log out
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: gettext-parser 10.0.0, node-gettext 3.0.0'
echo 'expected: the original text where the translation is marked fuzzy'
echo 'seen:         the unchecked translation'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
