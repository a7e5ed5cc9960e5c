// Starts programs that have to be told their port.
import { randomInt } from 'node:crypto'

/**
 * Ports from here on. They are below those that an operating system gives to whatever asks for any port, as the client
 * side of each connection does: a program can end and start again on its own. Browsers block none of them.
 */
const FIRST = 11_000
const COUNT = 5000

/** What programs say of a port that another one has. */
const TAKEN = /EADDRINUSE|address already in use|port \d+ is in use/i

/**
 * Starts a program on a port of its own: on another one if it says that another program has the first.
 *
 * @template Started
 * @param {(port: number) => Promise<Started>} start rejects with what the program said, if it did not start
 * @returns {Promise<Started>}
 */
export async function startOnPort(start) {
  for (;;) {
    try {
      return await start(FIRST + randomInt(COUNT))
    } catch (error) {
      if (!TAKEN.test(String(error))) throw error
    }
  }
}

/**
 * Waits until a program prints a text.
 *
 * @param {import('node:child_process').ChildProcess} child
 * @param {string} text
 * @returns {Promise<void>} rejects with all that the program printed, if it ends before
 */
export function untilPrinted(child, text) {
  let output = ''
  return new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (data) => {
        output += data
        if (output.includes(text)) resolve()
      })
    child.once('error', reject)
    child.once('close', () => reject(new Error(`${child.spawnfile} ended: ${output}`)))
  })
}
