import { getRequestListener } from '@hono/node-server'
import react from '@vitejs/plugin-react'
import { type Plugin, defineConfig } from 'vite'

/** In development the API has the process and the origin of the page, as in production. */
const api: Plugin = {
  name: 'api',
  configureServer({ middlewares, ssrLoadModule }) {
    middlewares.use(async (request, response, next) => {
      if (!request.url?.startsWith('/api/')) return next()
      try {
        const { app } = (await ssrLoadModule('/server/app.ts')) as typeof import('./server/app.ts')
        await getRequestListener(app.fetch)(request, response)
      } catch (error) {
        // Vite shows it. A rejection would end the server.
        next(error)
      }
    })
  },
}

export default defineConfig({ plugins: [react(), api], server: { port: 5173, strictPort: true } })
