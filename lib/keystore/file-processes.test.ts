import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { fileStore } from './file.ts'

const WORKER = new URL('file.worker.mjs', import.meta.url)

let folder = ''
let file = ''
let workers: ChildProcess[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-file-'))
  file = join(folder, 'app', 'identity.json')
})
afterEach(() => {
  for (const worker of workers) worker.kill('SIGKILL')
  workers = []
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true })
})

type Answer = Record<string, unknown>

async function newWorker(): Promise<ChildProcess> {
  const worker = fork(WORKER)
  workers.push(worker)
  await once(worker, 'message')
  return worker
}

/** Gives every worker its task in the same turn, which is the barrier, and waits until each has left. */
async function run(
  given: readonly ChildProcess[],
  task: object,
  onAnswer: (answer: Answer) => void = () => {},
): Promise<Answer[]> {
  const leaving = given.map(
    (worker) =>
      new Promise<Answer>((resolve, reject) => {
        let last: Answer = {}
        worker.on('message', (answer: Answer) => onAnswer((last = answer)))
        worker.on('exit', (code, signal) =>
          code === 0 ? resolve(last) : reject(new Error(`worker left with ${code ?? signal}`)),
        )
      }),
  )
  for (const worker of given) worker.send(task)
  return Promise.all(leaving)
}

function newWorkers(count: number): Promise<ChildProcess[]> {
  return Promise.all(Array.from({ length: count }, newWorker))
}

describe('processes at once', () => {
  test('two, 200 updates each: none is lost', async () => {
    const TIMES = 200
    const counts: number[] = []
    await run(
      await newWorkers(2),
      { task: 'count', file, times: TIMES },
      ({ count }) => count !== undefined && counts.push(count as number),
    )
    // Each update saw the one before it: every number came once.
    expect(new Set(counts).size).toBe(2 * TIMES)
    expect(await fileStore(file).read()).toEqual({ count: 2 * TIMES })
    console.warn(`${counts.length} updates by two processes, ${2 * TIMES - new Set(counts).size} lost`)
  }, 120_000)

  test('eight that start an app make one identity', async () => {
    const answers = await run(await newWorkers(8), { task: 'start', file })
    expect(new Set(answers.map(({ principal }) => principal)).size).toBe(1)
    expect(answers[0]!['principal']).toMatch(/^[0-9a-f-]{36}$/)
    expect(await fileStore(file).read()).toMatchObject({ entries: [{ principal: answers[0]!['principal'] }] })
  })
})

test('an identity survives a restart, and the process ends by itself (checklist 5: stable across restarts)', async () => {
  const [first] = await run(await newWorkers(1), { task: 'start', file })
  const [second] = await run(await newWorkers(1), { task: 'start', file })
  expect(second!['principal']).toBe(first!['principal'])
  expect(second!['storage']).toEqual({
    durability: 'persistent',
    protection: 'extractable',
    canBackUp: true,
    advice: 'back-up',
  })
  expect(String(second!['token']).split('.')).toHaveLength(3)
})

describe('a process that is killed', () => {
  /** @returns whether it got through before it came to that step; with `torn`, to that write */
  async function isThrough(step: number, torn: boolean): Promise<boolean> {
    const worker = await newWorker()
    const left = once(worker, 'exit') as Promise<[number | null, string | null]>
    worker.send({ task: 'die', file, step, torn })
    const [code, signal] = await left
    if (code === 0) return true
    expect(signal).toBe('SIGKILL')
    return false
  }

  const moments = {
    'at any step of the first update': { start: 0, torn: false },
    'at any step of a later update': { start: 1, torn: false },
    'half way through anything that it writes': { start: 1, torn: true },
  }
  for (const [moment, { start, torn }] of Object.entries(moments)) {
    test(`${moment} leaves the record before or the one after, and blocks no process`, async () => {
      // Time stands still: a process that goes on does so because it knows that the other one is dead.
      vi.spyOn(performance, 'now').mockReturnValue(0)
      const seen = { before: 0, after: 0 }
      for (let step = 1; ; step++) {
        rmSync(dirname(file), { recursive: true, force: true })
        const store = fileStore(file)
        if (start) await store.update(() => ({ count: start }))
        if (await isThrough(step, torn)) break
        const { count } = ((await store.read()) as { count: number } | undefined) ?? { count: 0 }
        expect([start, start + 1]).toContain(count)
        seen[count === start ? 'before' : 'after']++
        expect(await store.update((found) => ({ ...(found as object), next: true }))).toEqual({
          ...(count && { count }),
          next: true,
        })
        expect(readdirSync(dirname(file)), `left by a kill before step ${step}`).toEqual(['identity.json'])
      }
      expect(seen.before).toBeGreaterThan(1)
      if (!torn) expect(seen.after).toBeGreaterThan(1)
      console.warn(
        `killed ${moment}, ${seen.before + seen.after} in all: ${seen.before} times the record before, ${seen.after} times the record after`,
      )
    }, 120_000)
  }

  test('among others that go on costs no update but, at most, its own last', async () => {
    const ROUNDS = 5
    let told = 0
    for (let round = 0; round < ROUNDS; round++) {
      const [victim, ...others] = await newWorkers(3)
      const dead = once(victim!, 'exit')
      let lives = 0
      // The moment is another one in each round.
      victim!.on('message', ({ count }: Answer) => {
        if (count === undefined) return
        told++
        if (++lives === round + 1) victim!.kill('SIGKILL')
      })
      victim!.send({ task: 'count', file, times: 1000 })
      await run(others, { task: 'count', file, times: 20 }, ({ count }) => count !== undefined && told++)
      await dead
    }
    const { count } = (await fileStore(file).read()) as { count: number }
    expect(count).toBeGreaterThanOrEqual(told)
    console.warn(`${ROUNDS} processes killed among others: ${told} updates confirmed, ${count} found`)
    expect(count - told).toBeLessThanOrEqual(ROUNDS)
  }, 120_000)
})

test('needs nothing but Node: the program ends without a close()', () => {
  const program = `import { fileStore } from 'latchkey/node'; const store = fileStore(${JSON.stringify(file)}); await store.update(() => ({ kept: true })); console.log(JSON.stringify(await store.read()))`
  const said = execFileSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: new URL('../..', import.meta.url),
    encoding: 'utf8',
  })
  expect(JSON.parse(said)).toEqual({ kept: true })
})
