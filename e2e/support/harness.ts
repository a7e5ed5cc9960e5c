import type { Harness } from '../harness/main.ts'

declare global {
  var harness: Harness
}

export { expect, test } from './servers.ts'
