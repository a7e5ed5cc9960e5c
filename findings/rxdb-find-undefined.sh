#!/usr/bin/env bash
#
# rxdb 17.6.0, rxjs 7.8.2
#
# Expectation: findOne(id) with an id that is undefined or null finds nothing or throws, as findOne("") and
# findByIds([undefined]) find nothing.
#
# Seen: findOne(undefined) and findOne(null) are findOne(): they give the first document of the collection, and
# .remove() on them removes it. The development plugin says nothing either.
#
# Who is hurt: users.findOne(session?.userId) before the session is there: the first user of the database is shown, or
# edited, or deleted, and the deletion is replicated. With one document in the collection, as in a test, it even looks
# right.
#
# Remedy: Ask for the id first; or findByIds([id]), or find({ selector: { id: { $eq: id } } }), which the development
# plugin refuses for undefined.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --prefer-offline --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  rxdb@17.6.0 rxjs@7.8.2 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { addRxPlugin, createRxDatabase } from 'rxdb'
import { disableWarnings, RxDBDevModePlugin } from 'rxdb/plugins/dev-mode'
import { getRxStorageMemory } from 'rxdb/plugins/storage-memory'
import { wrappedValidateAjvStorage } from 'rxdb/plugins/validate-ajv'

disableWarnings()
addRxPlugin(RxDBDevModePlugin)
const storage = wrappedValidateAjvStorage({ storage: getRxStorageMemory() })
const database = await createRxDatabase({ name: 'example', storage, multiInstance: false })
const properties = { id: { type: 'string', maxLength: 20 } }
const schema = { version: 0, primaryKey: 'id', type: 'object', properties, required: ['id'] }
const { users } = await database.addCollections({ users: { schema } })
await users.bulkInsert([{ id: 'first' }, { id: 'second' }])

for (const id of ['second', '', undefined, null]) console.log(`findOne(${JSON.stringify(id)}):`, (await users.findOne(id).exec())?.id)
console.log('findByIds([undefined]):', (await users.findByIds([undefined]).exec()).size)
await users.findOne(undefined).remove()
console.log('left after findOne(undefined).remove():', (await users.find().exec()).map(({ id }) => id).join())
await database.close()
SCRIPT

cat >surprise.txt <<'OUTPUT'
findOne("second"): second
findOne(""): undefined
findOne(undefined): first
findOne(null): first
findByIds([undefined]): 0
left after findOne(undefined).remove(): second
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: rxdb 17.6.0, rxjs 7.8.2'
echo 'expected: nothing'
echo 'seen:     the first document, which remove() removes'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
