import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { BrowserContextOptions, PlaywrightWorkerOptions, TestInfo, Video } from '@playwright/test'
import type { Device } from './device.ts'

type VideoOption = PlaywrightWorkerOptions['video']

/** The videos of a device's pages. Playwright records only the contexts that it creates itself. */
export interface Recording {
  /** For `newContext`. */
  readonly options: Pick<BrowserContextOptions, 'recordVideo'>
  /** Follows the pages of a device, also after each `restart()`. */
  follow(device: Device): void
  /** Attaches the videos to the test, or deletes them. After the device is closed. */
  end(): Promise<void>
}

/**
 * Prepares the videos of one device.
 *
 * @param option - the option `video` of the Playwright configuration
 * @param label - what the videos are called
 */
export function createRecording(option: VideoOption, testInfo: TestInfo, label: string): Recording {
  const { mode, size } = typeof option === 'string' ? { mode: option, size: undefined } : option
  if (!isRecorded(mode, testInfo)) return { options: {}, follow() {}, async end() {} }
  mkdirSync(testInfo.outputDir, { recursive: true })
  const dir = mkdtempSync(join(testInfo.outputDir, 'videos-'))
  const videos: Video[] = []
  return {
    options: { recordVideo: { dir, ...(size && { size }) } },
    follow(device) {
      const add = (video: Video | null): void => void (video && videos.push(video))
      const watch = ({ context }: Device): void => {
        context.pages().forEach((page) => add(page.video()))
        context.on('page', (page) => add(page.video()))
      }
      watch(device)
      const { restart } = device
      device.restart = async () => {
        await restart()
        watch(device)
      }
    },
    async end() {
      if (isKept(mode, testInfo))
        for (const [index, video] of videos.entries()) {
          const path = testInfo.outputPath(`${label}-${index + 1}.webm`)
          await video.saveAs(path)
          await testInfo.attach(`${label}, tab ${index + 1}`, { path, contentType: 'video/webm' })
        }
      rmSync(dir, { recursive: true })
    },
  }
}

/** As Playwright decides it for its own contexts; `retry-with-video` is its old name. */
function isRecorded(mode: string, { retry }: TestInfo): boolean {
  if (mode === 'on-first-retry' || mode === 'retry-with-video') return retry === 1
  if (mode === 'on-all-retries') return retry > 0
  if (mode === 'retain-on-first-failure') return retry === 0
  return mode !== 'off'
}

function isKept(mode: string, { retry, status, expectedStatus }: TestInfo): boolean {
  if (mode === 'retain-on-failure-and-retries' && retry > 0) return true
  return !mode.startsWith('retain-on') || status !== expectedStatus
}
