#!/usr/bin/env bash
#
# playwright-core 1.65.1, @sparticuz/chrome-aws-lambda 14.1.1 (Chromium 102)
#
# Expectation: Playwright and a browser four years older do not speak the same protocol: the launch fails, or names the
# oldest version that it drives.
#
# Seen: The launch, contexts, navigation, scripts, routes and reads work. Only what first looks whether an element is
# visible fails, with a TypeError of the page: `element.checkVisibility` came with Chromium 105.
#
# Who is hurt: A team that tests its floor of browsers takes the TypeError for one of its own page, and gives up a
# browser that runs everything else of a suite.
#
# Remedy: Chromium 109 is clicked without an error. Below 105, drive the page with `evaluate`.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  playwright-core@1.65.1 @sparticuz/chrome-aws-lambda@14.1.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >unpack.mjs <<'SCRIPT'
import { readFileSync, writeFileSync } from 'node:fs'
import { brotliDecompressSync } from 'node:zlib'

const bin = 'node_modules/@sparticuz/chrome-aws-lambda/bin'
for (const name of ['chromium', 'aws.tar', 'swiftshader.tar'])
  writeFileSync(name, brotliDecompressSync(readFileSync(`${bin}/${name}.br`)), { mode: 0o755 })
SCRIPT
{ node unpack.mjs && tar -xf aws.tar && tar -xf swiftshader.tar; } >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import { chromium } from 'playwright-core'

const browser = await chromium.launch({
  executablePath: `${process.cwd()}/chromium`,
  args: ['--no-sandbox', '--disable-gpu'],
  env: { ...process.env, LD_LIBRARY_PATH: process.cwd() },
})
console.log('version:', browser.version().split('.')[0])
const page = await browser.newPage()
await page.route('**/*', (route) => route.fulfill({ contentType: 'text/html', body: '<button>Sign in</button>' }))
await page.goto('http://app.test/')
const attempt = async (name, act) => {
  const outcome = await act().catch((error) => error.message.split('\n')[0])
  console.log(`${name}:`, outcome ?? 'done')
}
await attempt('evaluate', () => page.evaluate(() => document.title === ''))
await attempt('textContent', () => page.locator('button').textContent())
await attempt('click', () => page.locator('button').click({ timeout: 5000 }))
await attempt('isVisible', () => page.locator('button').isVisible())
await browser.close()
SCRIPT

cat >surprise.txt <<'OUTPUT'
version: 102
evaluate: true
textContent: Sign in
click: locator.click: TypeError: element.checkVisibility is not a function
isVisible: locator.isVisible: TypeError: element.checkVisibility is not a function
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: playwright-core 1.65.1, Chromium 102 of @sparticuz/chrome-aws-lambda 14.1.1'
echo 'expected: the launch fails'
echo 'seen:     everything works, except what asks whether an element is visible'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
