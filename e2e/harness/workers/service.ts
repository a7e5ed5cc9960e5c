import { createAuth } from 'latchkey/worker'
import { expose } from './scope.ts'

expose(createAuth)
// A page that sends a message wakes it up, and hears when it is there.
addEventListener('message', ({ source }) => source?.postMessage('awake'))
