// `npm run bench`: every figure beside its peer in the same run. Most of the files run alone too.
import { cpus, loadavg } from 'node:os'
import { printTable } from './compare.mjs'
import { benchEventLoop } from './event-loop.mjs'
import { benchMemory } from './memory.mjs'
import { benchPage } from './page.mjs'
import { benchRequests } from './requests.mjs'
import { benchResolve } from './resolve.mjs'
import { benchServers } from './servers.mjs'
import { benchSignUp } from './sign-up.mjs'
import { benchSize } from './size.mjs'
import { benchVerify } from './verify.mjs'

console.log(
  `Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}, load before ${loadavg()[0]?.toFixed(1)}`,
)
await benchVerify()
await benchResolve()
await benchRequests()
await benchEventLoop()
benchMemory()
await benchSize()
await benchSignUp()
await benchServers()
await benchPage()
printTable()
