#!/usr/bin/env bash
#
# valibot 1.5.0, arktype 2.2.10, zod 4.6.7, joi 18.3.2, ajv 8.20.0, ajv-formats 3.0.1, validator 13.15.35
#
# Expectation: Validators differ on exotic addresses (quoted names, literals), and agree on ordinary ones: an Irish
# surname, a domain with an umlaut in the form in which the DNS has it, a company's internal domain (.internal is
# reserved for that).
#
# Seen: valibot and arktype refuse the apostrophe. valibot refuses two hyphens in a row, so each domain in punycode.
# zod, valibot and arktype refuse a top-level domain in punycode. joi takes only endings in a list of its own, without
# .internal, .test and .corp.
#
# Who is hurt: A person who signed up through a server with one validator cannot sign in, recover or be invited through
# a client with another; the address is their account. Where the browser's own input type=email takes it, nobody sees
# why.
#
# Remedy: One validator on both sides; accept any text with an @ between two parts and prove it by sending mail;
# v.rfcEmail() in valibot, z.email({ pattern: z.regexes.html5Email }) in zod, tlds: { allow: false } in joi.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  valibot@1.5.0 arktype@2.2.10 zod@4.6.7 joi@18.3.2 ajv@8.20.0 ajv-formats@3.0.1 validator@13.15.35 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import Ajv from 'ajv'
import addFormats from 'ajv-formats'
import { type } from 'arktype'
import Joi from 'joi'
import * as v from 'valibot'
import validator from 'validator'
import { z } from 'zod'

const format = addFormats(new Ajv()).compile({ type: 'string', format: 'email' })
const arktype = type('string.email')
const valibot = v.pipe(v.string(), v.email())
const takes = {
  zod: (text) => z.email().safeParse(text).success,
  valibot: (text) => v.safeParse(valibot, text).success,
  arktype: (text) => arktype(text) === text,
  joi: (text) => !Joi.string().email().validate(text).error,
  ajv: (text) => format(text),
  validator: (text) => validator.isEmail(text),
}

for (const address of [
  'ann@example.com',
  "o'brien@example.com",
  'ann@xn--mnchen-3ya.de',
  'ann@example.xn--p1ai',
  'ann@mail.internal',
]) {
  const refused = Object.keys(takes).filter((name) => !takes[name](address))
  console.log(address, '|', refused.length ? `refused by ${refused.join(', ')}` : 'taken by all')
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
ann@example.com | taken by all
o'brien@example.com | refused by valibot, arktype
ann@xn--mnchen-3ya.de | refused by valibot
ann@example.xn--p1ai | refused by zod, valibot, arktype
ann@mail.internal | refused by joi
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: valibot 1.5.0, arktype 2.2.10, zod 4.6.7, joi 18.3.2, ajv 8.20.0, ajv-formats 3.0.1, validator 13.15.35'
echo 'expected: six validators take five ordinary addresses'
echo 'seen:     each address but the first is refused by one or more'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
