import { AsyncLocalStorage } from 'node:async_hooks'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import type * as FileSystem from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { storeAcceptance } from '../testing/store-acceptance.ts'
import { fileStore } from './file.ts'

/** Called before every call to the file system, with what it is about; what it throws is what the call throws. */
let onStep: (step: string) => Promise<void> | void = () => {}
/** False where thousands of updates only show in what order things happen. */
let isSynced = true

vi.mock('node:fs/promises', async (importOriginal) => {
  const real = await importOriginal<typeof FileSystem>()
  type Call = (...given: never[]) => Promise<unknown>
  const told =
    (name: string, call: Call) =>
    async (...given: never[]) => {
      await onStep([name, ...given.filter((part) => typeof part === 'string').map((part) => basename(part))].join(' '))
      return call(...given)
    }
  const open = told('open', async (...given: never[]) => {
    const handle = (await (real.open as unknown as Call)(...given)) as Record<string, Call>
    const name = basename(given[0]!)
    if (!isSynced) handle['sync'] = async () => {}
    for (const call of ['stat', 'readFile', 'writeFile', 'sync'])
      handle[call] = told(`${call} ${name}`, handle[call]!.bind(handle)) as Call
    const close = handle['close']!.bind(handle)
    // A descriptor is gone even where closing it fails.
    const tell = told(`close ${name}`, async () => {})
    handle['close'] = () => close().then(() => tell())
    return handle
  })
  const others = (['mkdir', 'readdir', 'link', 'rename', 'rm', 'writeFile'] as const).map((name) => [
    name,
    told(name, real[name] as unknown as Call),
  ])
  return { ...real, ...Object.fromEntries(others), open }
})

let folder = ''
let file = ''
const leftovers = (): string[] =>
  readdirSync(folder)
    .filter((name) => name !== 'identity.json')
    .sort()
const add = (name: string) => (found: unknown) => ({ ...(found as object), [name]: true })

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-file-'))
  file = join(folder, 'identity.json')
})
afterEach(() => {
  onStep = () => {}
  isSynced = true
  vi.useRealTimers()
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true })
})

describe('a file', () => {
  let number = 0
  const open = async () => {
    const path = join(folder, `${number++}.json`)
    return { first: fileStore(path), second: fileStore(path) }
  }
  for (const { name, run } of storeAcceptance(open)) test(name, run)

  test('is named by a path', () => {
    for (const path of ['', undefined, 7]) expect(() => fileStore(path as string)).toThrow(TypeError)
  })

  test('stays where it was named, wherever the process goes', async () => {
    vi.spyOn(process, 'cwd').mockReturnValue(folder)
    const store = fileStore('identity.json')
    vi.spyOn(process, 'cwd').mockReturnValue(tmpdir())
    await store.update(add('kept'))
    expect(existsSync(file)).toBe(true)
  })

  test('reaches the disk before it takes the place of the one before, and its name before the update ends', async () => {
    const store = fileStore(file)
    await store.update(add('first'))
    const steps: string[] = []
    onStep = (step) => void steps.push(step.replace(/\.[0-9a-f-]{36}/g, ''))
    await store.update(add('second'))
    const [written, synced, placed, named] = [
      'writeFile identity.json.tmp {',
      'sync identity.json.tmp',
      'rename identity.json.tmp identity.json',
      `sync ${basename(folder)}`,
    ].map((step) => steps.findIndex((other) => other.startsWith(step) && !other.endsWith('.lock')))
    expect(written).toBeGreaterThan(0)
    expect([written, synced, placed, named]).toEqual(
      [written, synced, placed, named].sort((one, other) => one! - other!),
    )
    expect(new Set([written, synced, placed, named]).size).toBe(4)
  })

  test('in a folder that is not there gets one, whose name reaches the disk too', async () => {
    const synced: string[] = []
    onStep = (step) => void (step.startsWith('sync ') && synced.push(step))
    await fileStore(join(folder, 'a', 'b', 'identity.json')).update(add('kept'))
    expect(synced).toEqual(expect.arrayContaining([`sync ${basename(folder)}`, 'sync a', 'sync b']))
  })
})

describe('who may read it', () => {
  const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8)
  let mask = 0
  beforeEach(() => (mask = process.umask(0)))
  afterEach(() => process.umask(mask))

  test('its user alone, also its folder, the lock and what is written on the way', async () => {
    const path = join(folder, 'app', 'data', 'identity.json')
    const modes = new Set<string>()
    onStep = () => {
      const parent = join(folder, 'app', 'data')
      if (existsSync(parent)) for (const name of readdirSync(parent)) modes.add(modeOf(join(parent, name)))
    }
    await fileStore(path).update(add('first'))
    await fileStore(path).update(add('second'))
    expect([...modes]).toEqual(['600'])
    expect([join(folder, 'app'), join(folder, 'app', 'data')].map(modeOf)).toEqual(['700', '700'])
    expect(modeOf(path)).toBe('600')
  })

  for (const mode of [0o644, 0o640, 0o604, 0o620, 0o601]) {
    test(`mode ${mode.toString(8)} is refused, and stays for a person to look at`, async () => {
      const store = fileStore(file)
      await store.update(add('kept'))
      chmodSync(file, mode)
      const text = readFileSync(file, 'utf8')
      await expect(store.read()).rejects.toMatchObject({
        code: 'KEYSTORE_UNAVAILABLE',
        message: expect.stringContaining(`mode ${mode.toString(8)}`),
      })
      await expect(store.update(add('more'))).rejects.toMatchObject({ code: 'KEYSTORE_UNAVAILABLE' })
      expect([modeOf(file), readFileSync(file, 'utf8')]).toEqual([mode.toString(8), text])
      chmodSync(file, 0o600)
      expect(await store.read()).toEqual({ kept: true })
    })
  }

  test('a file of another user is refused', async () => {
    const store = fileStore(file)
    await store.update(add('kept'))
    const user = process.geteuid!()
    vi.spyOn(process as Required<typeof process>, 'geteuid').mockReturnValue(user + 1)
    await expect(store.read()).rejects.toMatchObject({
      code: 'KEYSTORE_UNAVAILABLE',
      message: expect.stringContaining('another user'),
    })
    await expect(store.update(add('more'))).rejects.toMatchObject({ code: 'KEYSTORE_UNAVAILABLE' })
  })

  test('a symbolic link is refused, and what it leads to is left alone', async () => {
    const target = join(folder, 'target')
    writeFileSync(target, '{"theirs":true}', { mode: 0o600 })
    symlinkSync(target, file)
    await expect(fileStore(file).read()).rejects.toMatchObject({
      code: 'KEYSTORE_UNAVAILABLE',
      message: expect.stringContaining('symbolic link'),
    })
    await expect(fileStore(file).update(add('more'))).rejects.toMatchObject({ code: 'KEYSTORE_UNAVAILABLE' })
    expect([lstatSync(file).isSymbolicLink(), readFileSync(target, 'utf8')]).toEqual([true, '{"theirs":true}'])
  })

  test('so is one that leads nowhere', async () => {
    symlinkSync(join(folder, 'nowhere'), file)
    await expect(fileStore(file).update(add('more'))).rejects.toMatchObject({ code: 'KEYSTORE_UNAVAILABLE' })
    expect(existsSync(join(folder, 'nowhere'))).toBe(false)
  })

  test('so are a folder and a pipe, without waiting for a writer', async () => {
    mkdirSync(file)
    await expect(fileStore(file).read()).rejects.toMatchObject({ code: 'KEYSTORE_UNAVAILABLE' })
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', ['-m', '600', pipe])
    await expect(fileStore(pipe).read()).rejects.toMatchObject({
      code: 'KEYSTORE_UNAVAILABLE',
      message: expect.stringContaining('not a file'),
    })
  })
})

describe('a damaged file', () => {
  const SECRET = 'c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I'

  for (const text of ['', `{"secret":"${SECRET}`, `${SECRET}`, '{"$bytes":1}']) {
    test(`${JSON.stringify(text.slice(0, 12))}: KEYSTORE_CORRUPT, left in place, and nothing of it in the error`, async () => {
      writeFileSync(file, text, { mode: 0o600 })
      const errors = await Promise.all(
        [fileStore(file).read(), fileStore(file).update(add('more'))].map((work) =>
          work.catch((error: unknown) => error),
        ),
      )
      for (const error of errors) {
        expect(error).toMatchObject({ code: 'KEYSTORE_CORRUPT' })
        expect(inspect(error, { depth: 9 })).not.toContain(SECRET.slice(0, 8))
      }
      expect(readFileSync(file, 'utf8')).toBe(text)
      expect(leftovers()).toEqual([])
    })
  }
})

describe('a value that cannot be stored', () => {
  test('a CryptoKey rejects and leaves the record', async () => {
    const store = fileStore(file)
    await store.update(add('kept'))
    const { privateKey } = (await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify'])) as CryptoKeyPair
    await expect(store.update(() => ({ keys: { sign: privateKey } }))).rejects.toThrow(
      new TypeError('record.keys.sign cannot be stored as text'),
    )
    expect(await store.read()).toEqual({ kept: true })
    expect(leftovers()).toEqual([])
  })
})

/** Every step of an update of a record that is there, by its number from 1. */
async function stepsOf(store: ReturnType<typeof fileStore>): Promise<string[]> {
  const steps: string[] = []
  onStep = (step) => void steps.push(step)
  await store.update(add('counted'))
  onStep = () => {}
  return steps
}

function fault(code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: simulated`), { code, syscall: 'simulated', errno: -1 })
}

describe('a disk that fails', () => {
  for (const code of ['EACCES', 'EPERM', 'EROFS', 'ENOSPC', 'EDQUOT', 'EIO']) {
    const reported = /ENOSPC|EDQUOT/.test(code) ? 'KEYSTORE_FULL' : 'KEYSTORE_UNAVAILABLE'
    test(`with ${code} at any step: ${reported}, the record before or after, and the next update works`, async () => {
      // Each look at the clock is a second later, so that a lock that could not be removed is soon an old one.
      let time = 0
      vi.spyOn(performance, 'now').mockImplementation(() => (time += 1000))
      await fileStore(file).update(add('kept'))
      const steps = await stepsOf(fileStore(file))
      for (const failing of steps.keys()) {
        rmSync(file)
        const store = fileStore(file)
        await store.update(add('kept'))
        let step = 0
        onStep = () => {
          if (step++ === failing) throw fault(code)
        }
        const error = await store.update(add('more')).then(
          () => undefined,
          (error: unknown) => error,
        )
        onStep = () => {}
        if (!steps[failing]!.startsWith('rm '))
          expect(
            leftovers().filter((name) => name.endsWith('.tmp')),
            steps[failing],
          ).toEqual([])
        const found = await store.read()
        expect([{ kept: true }, { kept: true, more: true }]).toContainEqual(found)
        if (error) expect(error, steps[failing]).toMatchObject({ code: reported, cause: { code } })
        else expect(found, steps[failing]).toEqual({ kept: true, more: true })
        expect(await store.update(add('next'))).toEqual({ ...(found as object), next: true })
        expect(leftovers(), steps[failing]).toEqual([])
      }
    })
  }

  test('a folder that cannot be made', async () => {
    writeFileSync(join(folder, 'file'), '')
    await expect(fileStore(join(folder, 'file', 'identity.json')).update(add('more'))).rejects.toMatchObject({
      code: 'KEYSTORE_UNAVAILABLE',
    })
  })
})

describe('a disk that does not answer', () => {
  test('is reported at any step in bounded time, and what was reported before it was put in place never is', async () => {
    await fileStore(file).update(add('kept'))
    const steps = await stepsOf(fileStore(file))
    const placed = steps.findIndex((step) => step.startsWith('rename'))
    expect(placed).toBeGreaterThan(10)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    for (const hanging of steps.keys()) {
      rmSync(file)
      const store = fileStore(file)
      await store.update(add('kept'))
      let step = 0
      let reached = (): void => {}
      let answer = (): void => {}
      const isReached = new Promise<void>((resolve) => (reached = resolve))
      const hang = new Promise<void>((resolve) => (answer = resolve))
      onStep = () => (step++ === hanging ? (reached(), hang) : undefined)
      const writing = store.update(add('late')).catch((error: unknown) => error)
      await isReached
      vi.advanceTimersByTime(10_000)
      expect(await writing, steps[hanging]).toMatchObject({ code: 'KEYSTORE_TIMEOUT' })
      answer()
      // The next update waits its turn behind the late one.
      expect(await store.update(add('next')), steps[hanging]).toEqual({
        kept: true,
        ...(hanging >= placed && { late: true }),
        next: true,
      })
      expect(leftovers(), steps[hanging]).toEqual([])
    }
  })

  test('reading is bounded too', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onStep = () => new Promise<never>(() => {})
    const reading = fileStore(file)
      .read()
      .catch((error: unknown) => error)
    vi.advanceTimersByTime(10_000)
    expect(await reading).toMatchObject({ code: 'KEYSTORE_TIMEOUT' })
  })
})

describe('a lock that was left behind', () => {
  const lockOf = (owner: string): void => writeFileSync(`${file}.lock`, owner, { mode: 0o600 })
  /** More than any process number can be. */
  const NOBODY = 2 ** 22 + 1

  test('by a process that is dead is taken over at once', async () => {
    vi.spyOn(performance, 'now').mockReturnValue(0)
    lockOf(`id ${NOBODY} ${hostname()}`)
    expect(await fileStore(file).update(add('kept'))).toEqual({ kept: true })
    expect(leftovers()).toEqual([])
  })

  const unknown = {
    'whose number another process has now': `id ${process.ppid} ${hostname()}`,
    'on another machine, or in another container': `id ${NOBODY} another-host`,
    'of which nothing is known': '',
    'with nonsense in it': `id -1 ${hostname()}`,
  }
  for (const [name, owner] of Object.entries(unknown)) {
    test(`by one ${name} is taken over after a while, and not before`, async () => {
      let time = 0
      let looks = 0
      vi.spyOn(performance, 'now').mockImplementation(() => (looks++, (time += 1000)))
      lockOf(owner)
      expect(await fileStore(file).update(add('kept'))).toEqual({ kept: true })
      expect(looks).toBeGreaterThan(5)
      expect(leftovers()).toEqual([])
    })
  }

  test('is not old because another one was before it', async () => {
    let time = 0
    let owner = 0
    vi.spyOn(performance, 'now').mockImplementation(() => (time += 1000))
    onStep = (step) => {
      if (step.startsWith('open identity.json.lock') && owner < 20) lockOf(`${owner++} ${process.ppid} ${hostname()}`)
      if (/^(link|rename) .* identity\.json\.lock$/.test(step)) expect(owner).toBe(20)
    }
    await fileStore(file).update(add('kept'))
  })

  test('is left to the process that took it over', async () => {
    let time = 0
    vi.spyOn(performance, 'now').mockImplementation(() => (time += 1000))
    const removed: string[] = []
    onStep = (step) =>
      void (step.startsWith('rm identity.json.lock') && removed.push(readFileSync(`${file}.lock`, 'utf8')))
    let calls = 0
    await fileStore(file).update((found) => {
      if (++calls === 1) lockOf(`other ${process.ppid} ${hostname()}`)
      return add('kept')(found)
    })
    expect(calls).toBe(2)
    expect(removed.map((owner) => owner.split(' ')[1])).toEqual([String(process.pid)])
  })

  test('of another user is refused, as the file would be', async () => {
    lockOf('theirs')
    chmodSync(`${file}.lock`, 0o644)
    await expect(fileStore(file).update(add('more'))).rejects.toMatchObject({ code: 'KEYSTORE_UNAVAILABLE' })
  })
})

test('what a crash left is swept away, and nothing else', async () => {
  const stray = `${file}.01234567-89ab-4cde-8f01-23456789abcd.tmp`
  const others = [
    'identity.json.backup.tmp',
    'identity.json.tmp',
    'other.json.01234567-89ab-4cde-8f01-23456789abcd.tmp',
    'identity.json.01234567-89ab-4cde-8f01-23456789abcd.tmp.txt',
  ]
  for (const name of [stray, ...others.map((other) => join(folder, other))]) writeFileSync(name, 'left')
  await fileStore(file).update(add('kept'))
  expect(leftovers()).toEqual(others.sort())
})

describe('an owner that is taken for dead while it works', () => {
  const who = new AsyncLocalStorage<string>()

  interface Stop {
    readonly at: number
    step: number
    reached(): void
    go(): void
    readonly isReached: Promise<void>
    readonly mayGo: Promise<void>
  }

  function newStop(at: number): Stop {
    const stop = { at, step: 0 } as { -readonly [Name in keyof Stop]: Stop[Name] }
    stop.isReached = new Promise((resolve) => (stop.reached = resolve))
    stop.mayGo = new Promise((resolve) => (stop.go = resolve))
    return stop
  }

  /** Lets one update come to a step, then another one to a step of its own, then the first end, and then the second. */
  async function meet(first: number, second: number): Promise<void> {
    const stops: Record<string, Stop> = { one: newStop(first), other: newStop(second) }
    onStep = () => {
      const stop = stops[who.getStore() ?? '']
      if (!stop || ++stop.step !== stop.at) return
      stop.reached()
      return stop.mayGo
    }
    const ends = []
    for (const [name, { isReached }] of Object.entries(stops)) {
      const end = who.run(name, () => fileStore(file).update(add(name)))
      ends.push(end)
      await Promise.race([isReached, end])
    }
    for (const [index, { go }] of Object.values(stops).entries()) {
      go()
      await ends[index]
    }
  }

  test("loses no update, its own or another's, at every pair of steps", async () => {
    isSynced = false
    // No process is believed to be alive: one that finds a lock takes it at once.
    vi.spyOn(process, 'kill').mockImplementation(() => {
      throw fault('ESRCH')
    })
    vi.spyOn(Math, 'random').mockImplementation(() => performance.now() % 0.2)
    let pairs = 0
    const total = (await fileStore(file).update(add('start')), await stepsOf(fileStore(file))).length
    for (let first = 1; first <= total; first++) {
      for (let second = 1; second <= total; second++) {
        writeFileSync(file, '{ "start": true }', { mode: 0o600 })
        await meet(first, second)
        expect(await fileStore(file).read(), `stopped before steps ${first} and ${second}`).toEqual({
          start: true,
          one: true,
          other: true,
        })
        pairs++
      }
    }
    console.warn(`two updates that disturb each other at each of ${pairs} pairs of steps: none lost`)
  }, 120_000)
})
