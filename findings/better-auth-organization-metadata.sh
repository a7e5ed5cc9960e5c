#!/usr/bin/env bash
#
# better-auth 1.7.25
#
# Expectation: What is sent as an object and answered as an object is an object everywhere; the client infers one type
# of organization for all routes, in which metadata is any.
#
# Seen: Only create and update parse the text column that holds it. list, get-full-organization and set-active answer
# the text, so metadata.plan is undefined after a reload and there right after creation.
#
# Who is hurt: A workspace that keeps its owner's principal or its sync address in metadata opens once, on the device
# that made it. Spreading the text and saving it back stores an object of single characters.
#
# Remedy: Parse where it is a string, or declare real fields with schema.organization.additionalFields.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  better-auth@1.7.25 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { organization } from 'better-auth/plugins'

const models = ['user', 'session', 'account', 'verification', 'organization', 'member', 'invitation']
const auth = betterAuth({
  secret: 'a secret for this test only, 32 characters',
  baseURL: 'http://localhost:3000',
  database: memoryAdapter(Object.fromEntries(models.map((model) => [model, []]))),
  emailAndPassword: { enabled: true },
  plugins: [organization()],
})
const { headers: answer } = await auth.api.signUpEmail({
  body: { name: 'Ann', email: 'ann@example.com', password: 'correct horse' },
  returnHeaders: true,
})
const headers = new Headers({ cookie: answer.getSetCookie()[0].split(';')[0] })
const show = (label, { metadata }) => console.log(label.padEnd(22), JSON.stringify(metadata))

const created = await auth.api.createOrganization({
  headers,
  body: { name: 'Notes', slug: 'notes', metadata: { plan: 'free' } },
})
const organizationId = created.id
show('create', created)
show('update', await auth.api.updateOrganization({ headers, body: { organizationId, data: { metadata: { plan: 'team' } } } }))
show('list', (await auth.api.listOrganizations({ headers }))[0])
show('get-full-organization', await auth.api.getFullOrganization({ headers, query: { organizationId } }))
show('set-active', await auth.api.setActiveOrganization({ headers, body: { organizationId } }))
SCRIPT

cat >surprise.txt <<'OUTPUT'
create                 {"plan":"free"}
update                 {"plan":"team"}
list                   "{\"plan\":\"team\"}"
get-full-organization  "{\"plan\":\"team\"}"
set-active             "{\"plan\":\"team\"}"
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: better-auth 1.7.25'
echo 'expected: five routes, one form'
echo 'seen:     an object from two, a text from three'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
