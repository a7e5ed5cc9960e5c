// `npm run bench`: every figure beside its peer in the same run.
import { cpus } from 'node:os'
import { benchSize } from './size.mjs'
import { benchVerify } from './verify.mjs'

console.log(`Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? 'unknown processor'}`)
await benchVerify()
await benchSize()
