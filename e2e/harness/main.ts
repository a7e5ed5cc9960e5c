import * as latchkey from 'latchkey'
import * as devtools from 'latchkey/devtools'
import * as testing from 'latchkey/testing'

// A page with nothing but the library in it, for specs that look inside.
Object.assign(globalThis, { harness: { ...latchkey, ...testing, ...devtools } })
