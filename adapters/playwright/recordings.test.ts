import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestInfo } from '@playwright/test'
import { afterAll, describe, expect, test } from 'vitest'
import type { Device } from './device.ts'
import { createRecording } from './recordings.ts'

const outputDir = mkdtempSync(join(tmpdir(), 'latchkey-videos-'))
afterAll(() => rmSync(outputDir, { recursive: true }))

const info = (retry: number): TestInfo => ({ outputDir, retry, status: 'passed', expectedStatus: 'passed' }) as TestInfo

describe('createRecording', () => {
  test.each([
    ['off', 0, false],
    ['on', 0, true],
    ['on', 2, true],
    ['retain-on-failure', 0, true],
    ['retain-on-first-failure', 0, true],
    ['retain-on-first-failure', 1, false],
    ['on-first-retry', 0, false],
    ['on-first-retry', 1, true],
    ['on-first-retry', 2, false],
    ['on-all-retries', 2, true],
  ] as const)('with %s in run %i records: %s', async (mode, retry, records) => {
    const recording = createRecording(mode as 'on', info(retry), 'phone')
    const dir = recording.options.recordVideo?.dir
    expect(dir !== undefined).toBe(records)
    await recording.end()
    if (dir) expect(existsSync(dir)).toBe(false)
  })

  test('takes the size', async () => {
    const size = { width: 320, height: 240 }
    const recording = createRecording({ mode: 'on', size }, info(0), 'phone')
    expect(recording.options.recordVideo).toMatchObject({ size })
    await recording.end()
  })

  test('has the pages of a restarted device as well', async () => {
    const attached: string[] = []
    const testInfo = { ...info(0), outputPath: String, attach: async (name: string) => void attached.push(name) }
    const newContext = () => ({ pages: () => [{ video: () => ({ async saveAs() {} }) }], on() {} })
    const device = {
      context: newContext(),
      async restart() {
        device.context = newContext()
      },
    }
    const recording = createRecording('on', testInfo as unknown as TestInfo, 'phone')
    recording.follow(device as unknown as Device)
    await device.restart()
    await recording.end()
    expect(attached).toEqual(['phone, tab 1', 'phone, tab 2'])
  })
})
