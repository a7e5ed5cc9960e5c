import { type ChildProcess, spawn } from 'node:child_process'

/** A process of ours. */
export interface Child {
  /**
   * Waits until it prints something.
   *
   * @param pattern - what to wait for; its first group comes back
   * @throws {Error} with what it printed instead, if it ends before
   */
  prints(pattern: RegExp): Promise<string>
  /** Waits for something else, unless it ends before. */
  during<Value>(work: Promise<Value>): Promise<Value>
  /** Waits until it is gone. */
  readonly ended: Promise<void>
  /** Ends it, with SIGKILL all its own processes at once, and waits until it is gone. */
  end(signal?: NodeJS.Signals): Promise<void>
}

const running = new Set<ChildProcess>()

/** Starts a program that ends with this process at the latest. */
export function startChild(
  program: string,
  parameters: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Child {
  // In a process group of its own: in WebKitGTK another process than the first one stores, and a crash has to take it
  // too.
  const child = spawn(program, parameters, {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  running.add(child)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve())).then(
    () => void running.delete(child),
  )
  const failure = ended.then(() => Promise.reject(new Error(`${program} ended:\n${output}`)))
  failure.catch(() => {})

  const during = <Value>(work: Promise<Value>): Promise<Value> => Promise.race([work, failure])
  return {
    during,
    ended,
    prints(pattern) {
      const found = new Promise<string>((resolve) => {
        const look = (): void => {
          const match = pattern.exec(output)
          if (match) resolve(match[1] ?? match[0])
        }
        for (const stream of [child.stdout, child.stderr]) stream.on('data', look)
        look()
      })
      return during(found)
    },
    end(signal = 'SIGTERM') {
      if (signal === 'SIGKILL') crash(child)
      else child.kill(signal)
      return ended
    },
  }
}

function crash({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // No process of the group is left.
  }
}

process.once('exit', () => {
  for (const child of running) crash(child)
})
// The test runner died: no other process would end the browsers.
for (const event of ['disconnect', 'SIGTERM', 'SIGINT'] as const) process.once(event, () => process.exit(1))
