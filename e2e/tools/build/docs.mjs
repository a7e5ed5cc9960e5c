// `npm run docs`: the API reference from the source, then the site with it in `docs/.vitepress/dist`.
// `DOCS_BASE=/latchkey/` builds it for a folder of a host.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { build } from 'vitepress'

const root = fileURLToPath(new URL('../../..', import.meta.url))
const typedoc = fileURLToPath(new URL('bin/typedoc', import.meta.resolve('typedoc/package.json')))
const { status } = spawnSync(process.execPath, [typedoc], { cwd: root, stdio: 'inherit' })
if (status !== 0) process.exit(status ?? 1)
await build(`${root}/docs`)
