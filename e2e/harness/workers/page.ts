import { createAuth } from 'latchkey'
import { expose } from './scope.ts'

expose(createAuth)
