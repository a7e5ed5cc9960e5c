// A client of Prisma for the tables of Better Auth.
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { getAuthTables } from 'better-auth/db'

const here = fileURLToPath(new URL('.', import.meta.url))

/**
 * @param {'sqlite' | 'postgresql'} provider
 * @param {any} options of Better Auth
 * @returns {Promise<any>} the class `PrismaClient`
 */
export async function prismaClient(provider, options) {
  const folder = join(here, `prisma-${provider}`)
  if (!existsSync(join(folder, 'client/index.js'))) generate(folder, schemaOf(provider, options))
  return createRequire(import.meta.url)(join(folder, 'client/index.js')).PrismaClient
}

/** @param {string} folder @param {string} schema */
function generate(folder, schema) {
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'schema.prisma'), schema)
  execFileSync('npx', ['prisma', 'generate', '--schema', join(folder, 'schema.prisma')], {
    cwd: here,
    stdio: ['ignore', 'ignore', 'inherit'],
    // The schema engine is not used, and its download would fail without a network.
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath },
  })
}

/** @param {string} provider @param {any} options */
function schemaOf(provider, options) {
  const models = Object.entries(getAuthTables(options)).map(([model, { modelName, fields }]) => {
    const columns = Object.entries(fields).map(([name, { type, required, unique, fieldName }]) => {
      const mapped = fieldName && fieldName !== name ? ` @map("${fieldName}")` : ''
      return `  ${name} ${TYPES[String(type)] ?? 'String'}${required === false ? '?' : ''}${unique ? ' @unique' : ''}${mapped}`
    })
    const name = `${model[0]?.toUpperCase()}${model.slice(1)}`
    return `model ${name} {\n  id String @id\n${columns.join('\n')}\n  @@map("${modelName}")\n}\n`
  })
  return [
    `generator client {\n  provider = "prisma-client-js"\n  output = "./client"\n}\n`,
    `datasource db {\n  provider = "${provider}"\n}\n`,
    ...models,
  ].join('\n')
}

/** @type {Readonly<Record<string, string>>} */
const TYPES = { boolean: 'Boolean', date: 'DateTime', number: 'Int' }
