import * as latchkey from 'latchkey'
import * as testing from 'latchkey/testing'

// A page with nothing but the library in it, for specs that look inside.
Object.assign(globalThis, { harness: { ...latchkey, ...testing } })
