// `node run.mjs <engine> [rounds]`: runs the battery on one engine and prints its findings as JSON.
import { runBattery } from './battery.mjs'
import { engineNamed } from './engines.mjs'

const engine = await engineNamed(process.argv[2] ?? '')
const second = engine.isShared ? undefined : import('latchkey-second/better-auth')
const rounds = process.argv[3] === undefined ? {} : { rounds: Number(process.argv[3]) }
const findings = await runBattery(engine, { ...rounds, ...(second && { second }) })
process.stdout.write(`${JSON.stringify(findings)}\n`, () => process.exit(0))
