// `npm run bench`: every figure beside its peer in the same run. Most of the files run alone too.
import { machine, printTable } from './compare.mjs'
import { benchEventLoop } from './event-loop.mjs'
import { benchMemory } from './memory.mjs'
import { benchPage } from './page.mjs'
import { benchRequests } from './requests.mjs'
import { benchResolve } from './resolve.mjs'
import { benchServers } from './servers.mjs'
import { benchSignUp } from './sign-up.mjs'
import { benchSize } from './size.mjs'
import { benchVerify } from './verify.mjs'

console.log(machine())
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
