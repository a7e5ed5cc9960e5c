// Runs before each test file of the mutation tester: records which functions its tests reach, and ends loops without
// end.
import { mkdirSync, writeFileSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeEach, expect } from 'vitest'

const { LATCHKEY_REACHED: folder, LATCHKEY_FILE_LIMIT_MS: limit } = process.env

// From another thread, since a loop without end lets no timer of this one run.
new Worker(`setTimeout(() => process.kill(process.pid, 'SIGKILL'), ${limit})`, { eval: true }).unref()

if (folder) {
  /** @type {Map<string, Set<string>>} the names of tests by function; '' is outside any test */
  const reached = new Map()
  let current = ''
  globalThis.latchkeyReached = (/** @type {string} */ place) => {
    if (!reached.has(place)) reached.set(place, new Set())
    reached.get(place).add(current)
  }
  beforeEach(({ task }) => {
    current = task.fullTestName
  })
  afterAll(() => {
    mkdirSync(folder, { recursive: true })
    const content = [...reached].map(([place, tests]) => [place, [...tests]])
    writeFileSync(`${folder}/${expect.getState().testPath.replaceAll('/', '+')}.json`, JSON.stringify(content))
  })
}
