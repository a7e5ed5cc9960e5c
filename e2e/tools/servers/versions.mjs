// Serves the library several times over: as two packages bring it along, each in a bundle and a version of its own.
import { fileURLToPath } from 'node:url'
import { bundle } from '../build/bundle.mjs'
import { filesOf, serve } from './serve.mjs'

/**
 * Changes the library's source on its way into a bundle.
 *
 * @param {string} file of `keystore`
 * @param {string} from
 * @param {string} to
 * @returns {import('vite').Plugin}
 */
function edit(file, from, to) {
  let found = false
  return {
    name: 'edit',
    transform(code, id) {
      if (!id.endsWith(`/keystore/${file}`)) return undefined
      found = code.includes(from)
      return code.replace(from, to)
    },
    buildEnd: () => {
      if (!found) throw new Error(`nothing to change: ${from}`)
    },
  }
}

const VERSIONS = {
  first: {},
  // A later one of the same record version: its record has a member that the first one knows nothing of.
  second: { minify: false, plugins: [edit('keyring.js', 'outbox: []', "outbox: [], later: 'kept'")] },
  // One that changed the record so that the others cannot read it.
  newer: { plugins: [edit('record.js', 'RECORD_VERSION = 1', 'RECORD_VERSION = 2')] },
}

export async function startVersions() {
  const entry = fileURLToPath(new URL('../../harness/library.ts', import.meta.url))
  const files = await Promise.all(
    Object.entries(VERSIONS).map(async ([version, options]) => filesOf(await bundle(entry, options), `/${version}`)),
  )
  return serve(new Map(files.flat()))
}
