// The table of databases, as docs/databases.md has it.
import { ENGINES } from './engines.mjs'

/**
 * @typedef {{ name: string, ok: boolean, detail?: string }} Finding
 * @typedef {Record<string, { checks: readonly Finding[] }>} Results
 */

/** @param {Results} results @returns {string} */
export function tableOf(results) {
  const rows = ENGINES.map((engine) => {
    const checks = results[engine.id]?.checks
    return [engine.database, engine.adapter, versionsOf(engine), stateOf(engine, checks), notesOf(engine, checks)]
  })
  return [['database', 'driver or adapter', 'versions', 'state', 'notes'], ['---', '---', '---', '---', '---'], ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}

/** @param {import('./engines.mjs').Engine} engine */
function versionsOf({ packages, runtime }) {
  return [...packages, ...(runtime ? [runtime] : [])].map((name) => name.replace(/(?<=.)@/, ' ')).join(', ')
}

/** @param {import('./engines.mjs').Engine} engine @param {readonly Finding[]} [checks] */
function stateOf({ isRefused }, checks) {
  if (!checks) return 'not run'
  const failed = checks.filter(({ ok }) => !ok).map(({ name }) => name)
  if (failed.length > 0) return `fails: ${failed.join(', ')}`
  return isRefused ? 'refused' : 'passes'
}

/** @param {import('./engines.mjs').Engine} engine @param {readonly Finding[]} [checks] */
function notesOf({ notes, isRefused }, checks) {
  const doctor = checks?.find(({ name }) => name === 'doctor')?.detail
  return [notes, isRefused ? undefined : doctor].filter((text) => text !== undefined).join('; ')
}
