import { join } from 'node:path'
import { LibsqlDialect, libsql } from '@libsql/kysely-libsql'
import { pluginBattery } from '../plugin.mjs'

const client = libsql.createClient({ url: `file:${join(import.meta.dirname, 'libsql.sqlite')}` })
console.log(JSON.stringify(await pluginBattery({ dialect: new LibsqlDialect({ client }), type: 'sqlite' })))
