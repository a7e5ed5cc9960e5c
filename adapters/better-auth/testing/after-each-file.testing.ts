import { afterAll, vi } from 'vitest'

// Files of a worker share its globals: see vitest.config.ts.
afterAll(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
  vi.unstubAllEnvs()
})
