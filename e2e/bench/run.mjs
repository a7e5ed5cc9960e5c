// `npm run bench`: every figure beside its peer in the same run. `sign-up.mjs` and `servers.mjs` run alone too.
import { cpus } from 'node:os'
import { benchServers } from './servers.mjs'
import { benchSignUp } from './sign-up.mjs'
import { benchSize } from './size.mjs'
import { benchVerify } from './verify.mjs'

console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}`)
await benchVerify()
await benchSize()
await benchSignUp()
await benchServers()
