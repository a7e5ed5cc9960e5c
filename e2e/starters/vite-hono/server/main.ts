import { serve } from '@hono/node-server'
import { serveStatic } from '@hono/node-server/serve-static'
import { app } from './app.ts'

// `npm run build` has made `dist`.
app.use(serveStatic({ root: 'dist' })).get('*', serveStatic({ path: 'dist/index.html' }))

serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 5173) }, ({ port }) => {
  console.log(`http://localhost:${port}`)
})
