// The table of engines, as docs/engines.md has it.
import { ENGINES } from './engines.mjs'

/**
 * @typedef {{ name: string, ok: boolean, detail?: string, notApplicable?: string }} Finding
 * @typedef {Record<string, readonly Finding[]>} Results
 */

/** @param {Results} results @returns {string} */
export function tableOf(results) {
  const lines = [...new Set(Object.values(results).flatMap((findings) => findings.map(({ name }) => name)))]
  const ran = ENGINES.filter(({ id }) => results[id])
  const cell = (/** @type {string} */ id, /** @type {string} */ line) => {
    const found = results[id]?.find(({ name }) => name === line)
    if (!found) return 'not run'
    return found.notApplicable !== undefined ? 'not applicable' : found.ok ? 'passes' : 'fails'
  }
  const rows = lines.map((line) => [line, ...ran.map(({ id }) => cell(id, line))])
  const head = ['line', ...ran.map(({ name }) => name)]
  // As the formatter writes a table that is wider than a line.
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}
