import { createAuth } from 'latchkey/worker'
import { expose } from './scope.ts'

expose(createAuth)
// Whoever sends a message wakes it up, and hears when it is there.
addEventListener('message', ({ source }) => source?.postMessage('awake'))
