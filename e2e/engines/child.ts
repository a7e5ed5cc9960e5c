import { spawn } from 'node:child_process'

/** A process of ours. */
export interface Child {
  /**
   * Waits until it prints something.
   *
   * @param pattern - what to wait for; its first group comes back
   */
  prints(pattern: RegExp): Promise<string>
  /** Waits until it is gone. */
  readonly ended: Promise<void>
  /** Ends it, and waits until it is gone. */
  end(signal?: NodeJS.Signals): Promise<void>
}

const running = new Set<() => void>()

/** Starts a program that ends with this process at the latest. */
export function startChild(program: string, parameters: readonly string[], environment: Readonly<Record<string, string>> = {}): Child {
  const child = spawn(program, parameters, { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const kill = (): void => void child.kill('SIGKILL')
  running.add(kill)
  void ended.then(() => running.delete(kill))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data: Buffer) => (output += data.toString()))
  return {
    prints: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = pattern.exec(output)
          if (found) resolve(found[1] ?? found[0])
        }
        for (const stream of [child.stdout, child.stderr]) stream.on('data', look)
        child.once('error', reject)
        child.once('exit', () => reject(new Error(`${program} ended before it was ready:\n${output}`)))
        look()
      }),
    ended,
    end(signal = 'SIGTERM') {
      child.kill(signal)
      return ended
    },
  }
}

process.once('exit', () => {
  for (const kill of running) kill()
})
// The test runner died: nobody else would end the browsers.
for (const event of ['disconnect', 'SIGTERM', 'SIGINT'] as const) process.once(event, () => process.exit(1))
