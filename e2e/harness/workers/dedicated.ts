import { createAuth } from 'latchkey'
import { expose } from './scope.ts'

expose(createAuth)
// A page hears of it when the library is there.
postMessage('loaded')
