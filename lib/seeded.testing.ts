import * as fc from 'fast-check'

/**
 * The same random cases in every run; others with `LATCHKEY_SEED`, and under `npm run test:stress`, which prints a
 * failing run's seed.
 */
export const SEED: number =
  Number(process.env['LATCHKEY_SEED'] ?? 0) ||
  (process.env['LATCHKEY_STRESS'] ? Math.trunc(Math.random() * 2 ** 31) : 20_261_122)

fc.configureGlobal({ seed: SEED })

export { fc }
