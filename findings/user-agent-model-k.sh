#!/usr/bin/env bash
#
# ua-parser-js 2.0.10, bowser 2.15.1
#
# Expectation: A parser of User-Agent headers has no model where the header has none. bowser does so.
#
# Seen: Chrome, Edge, Opera and Samsung's browser put the letter K in the place of the model, and ua-parser-js gives
# "K" as the model of the device, with Android 10 as its system, for each of them. Firefox on the same phone has no
# model and the right system.
#
# Who is hurt: The list of signed-in devices, where the name is mostly vendor or model and system: every Android phone
# is called "K, Android 10", so two phones of one person cannot be told apart, and a Pixel on Android 16 looks like a
# stranger's old phone, whose session is then ended. A rule "new model or new system" fires when the person changes
# the browser.
#
# Remedy: Treat the model K as none and leave out the system's version; ask for Sec-CH-UA-Model and use
# withClientHints() where it comes; let people name their devices.
set -euo pipefail

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm init --yes >install.log 2>&1
npm install --ignore-scripts --no-audit --no-fund --legacy-peer-deps \
  ua-parser-js@2.0.10 bowser@2.15.1 >>install.log 2>&1 || { cat install.log >&2; exit 2; }

cat >run.mjs <<'SCRIPT'
import Bowser from 'bowser'
import { UAParser } from 'ua-parser-js'

const android = 'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko)'
const headers = {
  Chrome: `${android} Chrome/156.0.0.0 Mobile Safari/537.36`,
  'Chrome on a tablet': `${android} Chrome/156.0.0.0 Safari/537.36`,
  Edge: `${android} Chrome/142.0.0.0 Mobile Safari/537.36 EdgA/142.0.0.0`,
  'Samsung Internet': `${android} SamsungBrowser/29.0 Chrome/136.0.0.0 Mobile Safari/537.36`,
  Firefox: 'Mozilla/5.0 (Android 16; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0',
}
for (const [name, header] of Object.entries(headers)) {
  const { os, device } = UAParser(header)
  const { platform } = Bowser.parse(header)
  console.log(`${name}: ua-parser-js: ${device.type}, ${device.vendor}, ${device.model}, ${os.name} ${os.version}; bowser: ${platform.type}, ${platform.model}`)
}
SCRIPT

cat >surprise.txt <<'OUTPUT'
Chrome: ua-parser-js: mobile, undefined, K, Android 10; bowser: mobile, undefined
Chrome on a tablet: ua-parser-js: tablet, undefined, K, Android 10; bowser: tablet, undefined
Edge: ua-parser-js: mobile, undefined, K, Android 10; bowser: mobile, undefined
Samsung Internet: ua-parser-js: mobile, undefined, K, Android 10; bowser: mobile, undefined
Firefox: ua-parser-js: mobile, undefined, undefined, Android 16; bowser: mobile, undefined
OUTPUT

node run.mjs >seen.txt 2>run.log || { cat run.log >&2; exit 2; }

echo 'packages: ua-parser-js 2.0.10, bowser 2.15.1'
echo 'expected: no model'
echo 'seen:     the model K'
echo 'output:'
cat seen.txt
diff surprise.txt seen.txt >&2 || { echo 'The behaviour has changed.' >&2; exit 1; }
