import { existsSync } from 'node:fs'

if (existsSync('.env')) process.loadEnvFile()
// The Node adapter alone listens on port 3000 of every address; `HOST=0.0.0.0` in a container.
process.env.PORT ??= '5173'
process.env.HOST ??= 'localhost'
// The origin that browsers see, for the adapter and for Better Auth.
process.env.BETTER_AUTH_URL ??= `http://localhost:${process.env.PORT}`
process.env.ORIGIN ??= process.env.BETTER_AUTH_URL

await import('./build/index.js')
