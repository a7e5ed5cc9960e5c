import * as latchkey from 'latchkey'
import * as devtools from 'latchkey/devtools'
import * as testing from 'latchkey/testing'
import * as keptKeys from './kept-keys.ts'
import * as pairing from './pairing.ts'
import * as passkey from './passkey.ts'
import * as race from './race.ts'
import * as storage from './storage.ts'
import * as suites from './suites.ts'
import * as vectors from './vectors.ts'
import * as waysBack from './ways-back.ts'

const harness = {
  ...latchkey,
  ...testing,
  ...devtools,
  ...keptKeys,
  ...pairing,
  ...passkey,
  ...race,
  ...storage,
  ...suites,
  ...vectors,
  ...waysBack,
}

/** In the harness page: everything that `latchkey` and `latchkey/testing` export, and the checks of this folder. */
export type Harness = typeof harness

// A page with nothing but the library in it, for specs that look inside.
Object.assign(globalThis, { harness })
