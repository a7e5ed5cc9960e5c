import { buildDemo } from '../tools/build/demo.mjs'

/** Builds the demo before any worker starts it: two that build at one moment would disturb each other. */
// oxlint-disable-next-line import/no-default-export -- Playwright takes the default export
export default function buildOnce(): void {
  buildDemo()
}
