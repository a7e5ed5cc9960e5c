import { LatchkeyError } from '../../errors.ts'
import type { SessionTimer } from '../options.ts'

/**
 * Waits for an answer, but not for ever. What comes later is ignored.
 *
 * @throws {LatchkeyError} `OFFLINE`: none came in time; and what `answer` rejects with
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
