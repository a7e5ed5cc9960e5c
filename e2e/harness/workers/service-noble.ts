import { nobleSuite } from 'latchkey/noble'
import { createAuth } from 'latchkey/worker'
import { expose } from './scope.ts'

expose(createAuth, { nobleSuite })
