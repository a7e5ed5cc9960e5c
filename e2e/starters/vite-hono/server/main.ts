import { serve } from '@hono/node-server'
import { serveStatic } from '@hono/node-server/serve-static'
import { app } from './app.ts'

// `npm run build` has made `dist`.
app.use(serveStatic({ root: 'dist' })).get('*', serveStatic({ path: 'dist/index.html' }))

// `HOST=0.0.0.0` in a container.
const { HOST = 'localhost', PORT = '5173' } = process.env
serve({ fetch: app.fetch, hostname: HOST, port: Number(PORT) }, () => {
  console.log(`http://${HOST}:${PORT}`)
})
