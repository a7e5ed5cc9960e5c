// Runs one engine through the lines: `node run.js ENGINE [LINE…]`. Prints the findings as JSON in the last line.
import { LINES, type Finding, runLine } from './lines.ts'
import type { Engine } from './world.ts'

const [id = '', ...named] = process.argv.slice(2)
const { engine } = (await import(new URL(`${id}.js`, import.meta.url).href)) as { engine: Engine }
const findings: Finding[] = []
for (const name of Object.keys(LINES)) {
  if (named.length > 0 && !named.includes(name)) continue
  const started = performance.now()
  const finding = await runLine(engine, name)
  findings.push(finding)
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.error(
    `${finding.ok ? 'ok    ' : 'FAILED'} ${name} (${seconds} s) ${finding.detail ?? finding.notApplicable ?? ''}`,
  )
}
await (engine as { stop?(): Promise<void> }).stop?.()
console.log(JSON.stringify(findings))
process.exit()
