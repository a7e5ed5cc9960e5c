// The components of `e2e/harness/bindings`, one framework at a time: rendered here as on a server, and bundled for
// pages.
import { fileURLToPath } from 'node:url'
import { compile } from 'svelte/compiler'
import { build, createServer } from 'vite'
import solid from 'vite-plugin-solid'
import { filesOf, serve } from './serve.mjs'

export const FRAMEWORKS = /** @type {const} */ (['react', 'vue', 'svelte', 'solid', 'angular'])

/** @typedef {(typeof FRAMEWORKS)[number]} Framework */

const root = fileURLToPath(new URL('../../..', import.meta.url))
const folder = `${root}e2e/harness/bindings`

/** @type {import('vite').Plugin} */
const svelte = {
  name: 'svelte',
  transform(code, filename, options) {
    if (!filename.endsWith('.svelte')) return undefined
    return compile(code, { filename, dev: true, generate: options?.ssr ? 'server' : 'client' }).js
  },
}

/** @param {Framework} framework */
const pluginsOf = (framework) => (framework === 'solid' ? [solid({ ssr: true, hot: false })] : [svelte])

const extensionOf = (/** @type {Framework} */ framework) => (framework === 'solid' ? 'jsx' : 'ts')

/**
 * Renders the page of `page-parts.ts` twice in one process, as a server that lives long does: at once, and after the
 * client has looked for a store.
 *
 * @param {Framework} framework
 * @returns {Promise<{ first: string, second: string, head: string, phase: string }>} `phase`: what the client's own
 *   state says by then
 */
export async function renderTwice(framework) {
  const vite = await createServer({
    root,
    configFile: false,
    logLevel: 'error',
    plugins: pluginsOf(framework),
    appType: 'custom',
    server: { middlewareMode: true, ws: false, watch: null },
    optimizeDeps: { noDiscovery: true },
  })
  try {
    const { render, head = '' } = await vite.ssrLoadModule(`${folder}/${framework}/server.${extensionOf(framework)}`)
    const { PARTS, auth } = await vite.ssrLoadModule(`${folder}/page-parts.ts`)
    const first = await render(PARTS)
    await auth.ready
    const second = await render(PARTS)
    return { first, second, head, phase: auth.getState().phase }
  } finally {
    await vite.close()
  }
}

/**
 * Bundles a page, with what a framework says only while it is developed with.
 *
 * @param {Framework} framework
 */
async function bundlePage(framework) {
  const entry = 'virtual:page'
  const page = `
    import { rigs } from '${folder}/${framework}/client.${extensionOf(framework)}'
    import { bindingAcceptance } from '${folder}/acceptance.ts'
    import { PARTS, auth, firstShown } from '${folder}/page-parts.ts'
    globalThis.bindings = { rigs, bindingAcceptance, PARTS, auth, firstShown }
  `
  const output = await build({
    root,
    logLevel: 'error',
    configFile: false,
    define: {
      'process.env.NODE_ENV': '"development"',
      __VUE_OPTIONS_API__: 'true',
      __VUE_PROD_DEVTOOLS__: 'false',
      __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: 'true',
    },
    resolve: { conditions: ['module', 'browser', 'development'] },
    plugins: [
      ...pluginsOf(framework),
      {
        name: 'page',
        resolveId: (id) => (id === entry ? entry : undefined),
        load: (id) => (id === entry ? page : undefined),
      },
    ],
    build: {
      write: false,
      minify: false,
      modulePreload: false,
      rollupOptions: { input: { page: entry }, output: { entryFileNames: '[name].js', chunkFileNames: '[name].js' } },
    },
  })
  return (Array.isArray(output) ? output : [output])
    .flatMap((part) => ('output' in part ? part.output : []))
    .flatMap((part) =>
      part.type === 'chunk' ? [{ name: part.fileName, first: false, code: part.code, bytes: 0 }] : [],
    )
}

/**
 * `/` is an empty page with the framework in it; `/hydrate` is the one that the server rendered.
 *
 * @param {Framework} framework
 */
export async function startBindingPages(framework) {
  const { first, head } = await renderTwice(framework)
  const chunks = await bundlePage(framework)
  const start = `<!doctype html><title>${framework}</title><link rel="icon" href="data:,">`
  const script = '<script type="module" src="/page.js"></script>'
  const body = framework === 'angular' ? first : `<div id="root">${first}</div>`
  const mark = `<script>document.querySelector('main').isFromServer = true</script>`
  return serve(
    new Map([...filesOf(chunks), ['/hydrate', `${start}${head}<body>${body}${mark}${script}</body>`]]),
    `${start}<body><div id="root"></div>${script}</body>`,
  )
}
