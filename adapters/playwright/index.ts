import {
  type PlaywrightTestArgs,
  type PlaywrightTestOptions,
  type PlaywrightWorkerArgs,
  type PlaywrightWorkerOptions,
  type TestType,
  test as base,
} from '@playwright/test'
import { type Device, type DeviceOptions, createDevice } from './device.ts'

/** The fixtures that are added to a test. */
export interface LatchkeyFixtures {
  /** Creates a device. All devices are closed when the test ends. */
  readonly device: (options?: DeviceOptions) => Promise<Device>
}

type Fixtures = PlaywrightTestArgs & PlaywrightTestOptions & LatchkeyFixtures

/** Playwright's `test` with a `device` fixture. Each call creates a separate browser context. */
export const test: TestType<Fixtures, PlaywrightWorkerArgs & PlaywrightWorkerOptions> = base.extend<LatchkeyFixtures>({
  device: async ({ browser, baseURL }, use) => {
    const devices: Device[] = []
    await use(async (options) => {
      const device = await createDevice(browser, { ...(baseURL && { baseURL }), ...options })
      devices.push(device)
      return device
    })
    await Promise.all(devices.map((device) => device.close()))
  },
})

export { expect } from '@playwright/test'
export { createDevice } from './device.ts'
export type { Device, DeviceOptions, StateOptions } from './device.ts'
