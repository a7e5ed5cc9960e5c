// The table of runtimes, as docs/runtimes.md has it.
import { ENGINES } from './engines.mjs'
import { RUNTIMES } from './runtimes.mjs'

/**
 * @typedef {import('../databases/acts.mjs').Finding} Finding
 * @typedef {{ version: string, core: readonly Finding[], plugin: readonly Finding[] }} Result
 * @typedef {{ runtimes: Record<string, Result>, engines: Record<string, import('./engines.mjs').EngineResult> }} Results
 */

const HEAD = ['runtime', 'version', 'tokens and resolver', 'signatures by', 'the Better Auth plugin']

/** @param {Results} results @returns {string} */
export function tableOf({ runtimes: results }) {
  const rows = RUNTIMES.map((runtime) => {
    const result = results[runtime.id]
    if (!result) return [runtime.name, '', 'not run', '', 'not run']
    const signatures = result.core.find(({ name }) => name === 'resolver')?.detail?.split('signatures by ')[1] ?? ''
    return [runtime.name, result.version, stateOf(result.core), signatures, pluginOf(runtime, result.plugin)]
  })
  return toTable([HEAD, ...rows])
}

/** The table of the engines of native apps. @param {Results} results @returns {string} */
export function engineTableOf({ engines: results }) {
  const rows = ENGINES.map(({ id, name }) => {
    const result = results[id]
    if (!result) return [name, '', 'not run', 'not run']
    const [vectors, ...client] = result.client
    const state = stateOf(client)
    const details = client.map(({ detail }) => detail).join('; ')
    return [
      name,
      result.version,
      stateOf(vectors ? [vectors] : []),
      state === 'passes' ? `${state}: ${details}` : state,
    ]
  })
  return toTable([['engine', 'version', 'test vectors', 'the client'], ...rows])
}

/** @param {string[][]} rows the first one is the head */
function toTable([head = [], ...rows]) {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** @param {readonly Finding[]} findings */
function stateOf(findings) {
  if (findings.length === 0) return 'fails'
  const failed = findings.filter(({ ok }) => !ok).map(({ name }) => name)
  return failed.length > 0 ? `fails: ${failed.join(', ')}` : 'passes'
}

/** @param {import('./runtimes.mjs').Runtime} runtime @param {readonly Finding[]} findings */
function pluginOf({ plugin: { database, notes, missing } }, findings) {
  if (missing) return findings.every(({ ok }) => ok) ? `does not start: ${notes}` : stateOf(findings)
  return `${stateOf(findings)}, on ${database}`
}
