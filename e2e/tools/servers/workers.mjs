// Serves a page, a dedicated worker and two service workers with the library in them.
import { fileURLToPath } from 'node:url'
import { bundle } from '../build/bundle.mjs'
import { filesOf, serve } from './serve.mjs'

/** Leaves `import()` what it is where the bundler would do without, so that it is refused if anything reaches it. */
const keepImports = {
  name: 'keep-imports',
  /** @param {unknown} specifier */
  resolveDynamicImport: (specifier) => ({ id: String(specifier), external: true }),
}

/** One file that is both, a classic script and a module. */
const SERVICE_WORKER = { plugins: [keepImports], format: /** @type {const} */ ('iife') }

const SCRIPTS = { page: {}, dedicated: {}, service: SERVICE_WORKER, 'service-noble': SERVICE_WORKER }

export async function startWorkers() {
  const bundles = await Promise.all(
    Object.entries(SCRIPTS).map(([name, options]) =>
      bundle(fileURLToPath(new URL(`../../harness/workers/${name}.ts`, import.meta.url)), options),
    ),
  )
  const page =
    '<!doctype html><title>Workers</title><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>'
  return serve(new Map([['/', page], ...bundles.flatMap((chunks) => filesOf(chunks))]))
}
