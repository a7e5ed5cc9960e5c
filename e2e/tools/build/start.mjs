// `npm start`: builds what is missing or out of date, then runs the server in this process.
import { fileURLToPath } from 'node:url'
import { buildDemo } from './demo.mjs'

const at = (path) => fileURLToPath(new URL(`../../../${path}`, import.meta.url))

buildDemo()
const { run } = await import(at('e2e/.site/server/main.js'))
await run(process.env, { data: at('.data'), site: at('e2e/.site/web') })
