import { expect, test, vi } from 'vitest'
import { adapterOf } from '../testing/faulty.testing.ts'
import { createReplayStore } from './replay-store.ts'

test('a first use counts even if the deletion of expired names fails: the proof cannot be sent again', async () => {
  const log = vi.spyOn(console, 'error').mockReturnValue()
  const adapter = await adapterOf()
  let sweeps = 0
  const deleteMany = async (): Promise<never> => {
    sweeps++
    throw Object.assign(new Error('could not serialize access'), { code: '40001' })
  }
  let now = Date.now()
  const { use } = createReplayStore(() => now)
  const refusing = { ...adapter, deleteMany }
  const until = new Date(now + 60_000)
  expect([await use(refusing, 'first', until), await use(refusing, 'first', until), sweeps]).toEqual([true, false, 1])
  now += 60_000
  expect([await use(refusing, 'second', until), sweeps]).toEqual([true, 2])
  const sweepFailures = log.mock.calls.filter(([text]) => String(text).includes('expired rows could not be deleted'))
  expect(sweepFailures).toHaveLength(2)
  log.mockRestore()
})
