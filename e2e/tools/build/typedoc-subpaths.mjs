// A plugin for TypeDoc: names each module as an app imports it, `latchkey/server/kit` instead of `lib/server-kit`.
import { readFileSync } from 'node:fs'

/** @type {{ exports: Record<string, string> }} */
const { exports } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))

/** Source modules, as TypeDoc names them, by the name of the package's subpath. */
const NAMES = new Map(
  Object.entries(exports).map(([subpath, file]) => [
    file.replace('./dist/', '').replace(/(\/index)?\.js$/, ''),
    subpath.replace('.', 'latchkey'),
  ]),
)

/** @param {import('typedoc').Application} app */
export function load(app) {
  app.converter.on('resolveEnd', ({ project }) => {
    for (const module of project.children ?? []) {
      const name = NAMES.get(module.name)
      if (name === undefined) throw new Error(`${module.name} is no subpath of the package`)
      module.name = name
    }
  })
}
