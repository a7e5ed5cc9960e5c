#!/usr/bin/env node
import { run } from './run.ts'

const code = await run(process.argv.slice(2), process.env)
// What the app opened, such as a pool, would keep the process.
process.stdout.write('', () => process.exit(code))
