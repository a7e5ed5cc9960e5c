// Renders the React app of the harness here, and serves the page with what hydrates it.
import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { fileURLToPath } from 'node:url'
import { bundle } from '../build/bundle.mjs'
import { filesOf, serve } from './serve.mjs'

/** React speaks of hydration only where it is built for development. */
const DEVELOPMENT = { minify: false, define: { 'process.env.NODE_ENV': '"development"' } }

const HEAD = '<!doctype html><title>React</title><link rel="icon" href="data:,">'

export async function startReactPages() {
  const { App } = await import('../../harness/react/app.mjs')
  const html = renderToString(createElement(App))
  const [hydrate, library] = await Promise.all(
    ['hydrate', 'library'].map((name) =>
      bundle(fileURLToPath(new URL(`../../harness/react/${name}.mjs`, import.meta.url)), DEVELOPMENT),
    ),
  )
  const server = await serve(
    new Map([
      ...filesOf(hydrate ?? []),
      ...filesOf(library ?? []),
      [
        '/hydrate',
        `${HEAD}<div id="root">${html}</div><script>document.querySelector('main').isFromServer = true</script><script type="module" src="/hydrate.js"></script>`,
      ],
      ['/library', `${HEAD}<div id="root"></div><script type="module" src="/library.js"></script>`],
    ]),
  )
  return { ...server, html }
}
