import { LatchkeyError } from '../../errors.ts'
import type { SessionTimer } from '../options.ts'

/**
 * Waits for an answer up to a timeout. A later answer is ignored. Unlike `lib/timeout.ts`, the time is that of the
 * session's own timer, which tests and platforms replace.
 *
 * @throws {LatchkeyError} `OFFLINE`: no answer in time; otherwise what `answer` rejects with
 */
export async function withTimeout<Answer>(
  timer: SessionTimer,
  milliseconds: number,
  answer: PromiseLike<Answer> | Answer,
): Promise<Answer> {
  let handle: unknown
  const late = new Promise<never>((_, reject) => {
    handle = timer.set(() => reject(new LatchkeyError('OFFLINE', 'no answer in time')), milliseconds)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    timer.clear(handle)
  }
}
