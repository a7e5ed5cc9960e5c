/** The part of Web Locks that is used here. */
export interface Locks {
  /**
   * Runs `work` with the lock.
   *
   * @param options - `signal` ends the wait; `steal` takes the lock at once, and the call that held it rejects with an
   *   `AbortError` while its work goes on
   */
  request<Value>(
    name: string,
    options: { readonly signal: AbortSignal } | { readonly steal: true },
    work: () => Promise<Value>,
  ): Promise<Value>
}

interface Lock {
  /** Rejects the call that holds the lock; undefined while it is free. */
  revoke: ((reason: unknown) => void) | undefined
  readonly queue: (() => void)[]
}

/** Locks within one page, with the contract of Web Locks: browsers have those in secure contexts only. */
export function localLocks(): Locks {
  const locks = new Map<string, Lock>()
  return {
    async request(name, options, work) {
      const lock = locks.get(name) ?? { revoke: undefined, queue: [] }
      locks.set(name, lock)
      if (!('signal' in options)) lock.revoke?.(stolen())
      else if (lock.revoke) return inTurn(lock, options.signal, work)
      return hold(lock, work)
    },
  }
}

/** As the browser reports it. Not every engine has `DOMException`. */
function stolen(): Error {
  return Object.assign(new Error('The lock was stolen.'), { name: 'AbortError' })
}

function inTurn<Value>(lock: Lock, signal: AbortSignal, work: () => Promise<Value>): Promise<Value> {
  const { queue } = lock
  return new Promise((resolve, reject) => {
    const enter = (): void => resolve(hold(lock, work))
    queue.push(enter)
    signal.addEventListener('abort', () => {
      const place = queue.indexOf(enter)
      if (place >= 0) queue.splice(place, 1)
      reject(signal.reason)
    })
  })
}

async function hold<Value>(lock: Lock, work: () => Promise<Value>): Promise<Value> {
  let revoke: Lock['revoke']
  const revoked = new Promise<never>((_, reject) => (revoke = reject))
  lock.revoke = revoke
  try {
    return await Promise.race([work(), revoked])
  } finally {
    // One that was stolen is not passed on by the call that lost it.
    if (lock.revoke === revoke) {
      lock.revoke = undefined
      lock.queue.shift()?.()
    }
  }
}
