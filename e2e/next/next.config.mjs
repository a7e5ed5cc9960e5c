import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))

export default {
  turbopack: { root },
  outputFileTracingRoot: root,
  // `npm run check` compiles these files with all others.
  typescript: { ignoreBuildErrors: true },
}
