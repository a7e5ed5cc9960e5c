import type { Browser, Engine, LaunchOptions } from './browser.ts'
import type { Programs } from './programs.ts'
import { launchChromium, launchFirefox } from './puppeteer.ts'
import { launchWebKit } from './webkit.ts'

/** Starts a browser of an engine. */
export function launch(engine: Engine, programs: Programs, options: LaunchOptions): Promise<Browser> {
  if (engine === 'webkit') return launchWebKit(programs, options)
  return (engine === 'firefox' ? launchFirefox : launchChromium)(programs, options)
}
