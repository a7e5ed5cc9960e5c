import { beforeAll, test, vi } from 'vitest'
import { readFileSync } from 'node:fs'
import { openSqlite } from '../../adapters/better-auth/testing/database.testing.ts'
import { play } from './sequence.ts'
import { SETTINGS } from './settings.ts'
import { exploredServer } from './server.ts'
beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-11-29T12:00:00Z') }))
const [setting, acts] = JSON.parse(readFileSync('/tmp/scratch/explore/one.json', 'utf8'))
test('one', async () => { await play(await exploredServer(openSqlite(), SETTINGS[setting]!, (ms) => vi.setSystemTime(Date.now() + ms)), acts) })
