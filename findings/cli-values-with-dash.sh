#!/usr/bin/env bash
#
# yargs 18.2.0, minimist 1.2.8, mri 1.2.0, cac 7.1.0, commander 14.0.3, citty 0.2.2
#
# Expectation: An option declared as a string takes the next argument as its value, whatever it begins with, or the
# command ends with a message. So do commander, citty, arg and parseArgs of Node.
#
# Seen: yargs, minimist, mri and cac take a value that begins with - for a bundle of flags: the option is the empty
# string (in cac the value true) and nothing is said, although it is declared as a string or with a required value.
#
# Who is hurt: base64url begins with - once in 64 times, so one secret, backup, thumbprint or token in 64 is
# silently replaced by nothing. A test with a fixed value never meets it.
#
# Remedy: Document --secret=VALUE, which all of them read, or read secrets from standard input; refuse an empty
# value.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  yargs@18.2.0 minimist@1.2.8 mri@1.2.0 cac@7.1.0 commander@14.0.3 citty@0.2.2 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { cac } from 'cac'
import { parseArgs } from 'citty'
import { Command } from 'commander'
import minimist from 'minimist'
import mri from 'mri'
import yargs from 'yargs'

const parsers = {
  commander: (line) => new Command().option('--secret <value>').parse(line, { from: 'user' }).opts(),
  citty: (line) => parseArgs(line, { secret: { type: 'string' } }),
  yargs: (line) => yargs(line).option('secret', { type: 'string' }).parse(),
  minimist: (line) => minimist(line, { string: ['secret'] }),
  mri: (line) => mri(line, { string: ['secret'] }),
  cac: (line) => {
    const program = cac()
    program.option('--secret <value>', 'a secret')
    return program.parse(['node', 'program', ...line]).options
  },
}
for (const [name, parse] of Object.entries(parsers)) {
  const apart = JSON.stringify(parse(['--secret', '-Zk_T']).secret)
  console.log(name, '--secret -Zk_T is', apart, 'and --secret=-Zk_T is', JSON.stringify(parse(['--secret=-Zk_T']).secret))
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
commander --secret -Zk_T is "-Zk_T" and --secret=-Zk_T is "-Zk_T"
citty --secret -Zk_T is "-Zk_T" and --secret=-Zk_T is "-Zk_T"
yargs --secret -Zk_T is "" and --secret=-Zk_T is "-Zk_T"
minimist --secret -Zk_T is "" and --secret=-Zk_T is "-Zk_T"
mri --secret -Zk_T is "" and --secret=-Zk_T is "-Zk_T"
cac --secret -Zk_T is true and --secret=-Zk_T is "-Zk_T"
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: yargs 18.2.0, minimist 1.2.8, mri 1.2.0, cac 7.1.0, commander 14.0.3, citty 0.2.2'
echo 'expected: the value, or an error'
echo 'seen:     an empty string or true, and single-letter flags, without a word'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
