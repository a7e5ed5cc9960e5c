#!/usr/bin/env bash
#
# chess.js 1.4.0, @mliebelt/pgn-parser 1.4.19
#
# Expectation: A game that chess.js wrote can be read by chess.js. A tag of a PGN file may hold quotes, escaped with a
# backslash (section 7 of the standard).
#
# Seen: pgn() writes quotes as they are, so loadPgn refuses the file that was just written; and it refuses the escaped
# form of others as well, which @mliebelt/pgn-parser reads.
#
# Who is hurt: Apps that save a game as PGN: one event or player called The "Open" makes a saved game that cannot be
# opened again, and imports from other programs fail.
#
# Remedy: Keep tags beside the moves, or replace quotes in tags before setHeader and in files before loadPgn.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  chess.js@1.4.0 @mliebelt/pgn-parser@1.4.19 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import parser from '@mliebelt/pgn-parser'
import { Chess } from 'chess.js'

function read(text) {
  try {
    const game = new Chess()
    game.loadPgn(text)
    return `${game.getHeaders().Event}, ${game.history().length} move`
  } catch {
    return 'an error'
  }
}
for (const event of ['The Open', 'The "Open"']) {
  const game = new Chess()
  game.setHeader('Event', event)
  game.move('e4')
  console.log(`${event}: written ${game.pgn().split('\n')[0]}, read back: ${read(game.pgn())}`)
}
const standard = '[Event "The \\"Open\\""]\n\n1. e4 *'
console.log(`${standard.split('\n')[0]}: chess.js ${read(standard)}`)
console.log(`  @mliebelt/pgn-parser ${parser.parse(standard, { startRule: 'game' }).tags.Event}`)
SCRIPT

cat >surprise.txt <<'OUTPUT'
The Open: written [Event "The Open"], read back: The Open, 1 move
The "Open": written [Event "The "Open""], read back: an error
[Event "The \"Open\""]: chess.js an error
  @mliebelt/pgn-parser The "Open"
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: chess.js 1.4.0, @mliebelt/pgn-parser 1.4.19'
echo 'expected: the game, with its tag'
echo 'seen:     an error, for its own file and for the standard form'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
