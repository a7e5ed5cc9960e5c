import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'
import { serviceWorker } from './service-worker.ts'

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export default defineConfig({
  root: at('web'),
  plugins: [serviceWorker(at('web/sw.js'))],
  builder: {},
  environments: {
    client: {
      build: { outDir: at('../.site/web'), emptyOutDir: true, target: 'es2023' },
    },
    ssr: {
      build: {
        outDir: at('../.site/server'),
        emptyOutDir: true,
        target: 'node20',
        ssr: true,
        copyPublicDir: false,
        rollupOptions: { input: at('server/main.ts') },
      },
      // The server runs the installed packages, and the library as published.
      resolve: { external: ['latchkey', 'latchkey/server', 'latchkey/better-auth'] },
    },
  },
})
