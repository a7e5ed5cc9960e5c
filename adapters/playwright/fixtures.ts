import {
  type PlaywrightTestArgs,
  type PlaywrightTestOptions,
  type PlaywrightWorkerArgs,
  type PlaywrightWorkerOptions,
  type TestType,
  test as base,
} from '@playwright/test'
import { type Device, createDevice } from './device.ts'
import type { DeviceOptions } from './device-options.ts'
import { type Mailbox, openMailbox } from './mailbox.ts'
import { type Recording, createRecording } from './recordings.ts'

/** The fixtures that are added to a test. */
export interface LatchkeyFixtures {
  /**
   * Creates a device. All devices are closed when the test ends. The options `baseURL`, `video` and `trace` of the
   * Playwright configuration apply to them, too.
   */
  readonly device: (options?: DeviceOptions) => Promise<Device>
  /** What the app's server sent: see `mailFile`. */
  readonly mailbox: Mailbox
}

/** The options that are added to a Playwright configuration. */
export interface LatchkeyOptions {
  /**
   * The file to which the app's server appends each message that it would send. Defaults to the environment variable
   * `LATCHKEY_MAIL_FILE`.
   */
  readonly mailFile: string | undefined
}

/** While a developer debugs. More would overflow the timers of Node. */
const UNLIMITED_MS = 2 ** 31 - 1

type Fixtures = PlaywrightTestArgs & PlaywrightTestOptions & LatchkeyFixtures & LatchkeyOptions

/** Playwright's `test` with devices and a mailbox. */
export const test: TestType<Fixtures, PlaywrightWorkerArgs & PlaywrightWorkerOptions> = base.extend<
  LatchkeyFixtures & LatchkeyOptions
>({
  mailFile: [process.env['LATCHKEY_MAIL_FILE'], { option: true }],
  mailbox: async ({ mailFile }, use) => {
    if (!mailFile)
      throw new TypeError('the fixture mailbox needs the option mailFile, or the variable LATCHKEY_MAIL_FILE')
    await use(openMailbox(mailFile))
  },
  device: async ({ browser, baseURL, video }, use, testInfo) => {
    const devices: Device[] = []
    const recordings: Recording[] = []
    let count = 0
    const timeout = testInfo.timeout > 0 ? (testInfo.timeout * 2) / 3 : UNLIMITED_MS
    await use(async (options = {}) => {
      // Several may be on their way.
      const label = options.label ?? `device-${++count}`
      const recording = createRecording(video, testInfo, label)
      const given = { ...(baseURL && { baseURL }), timeout, ...recording.options, ...options, label }
      const device = await createDevice(browser, given)
      recording.follow(device)
      devices.push(device)
      recordings.push(recording)
      return device
    })
    await Promise.all(devices.map((device) => device.close()))
    for (const recording of recordings) await recording.end()
  },
})
