import type { Reporter, TestCase, TestModule } from 'vitest/node'

type Row = readonly string[]

const HEAD: Row = ['case', 'result', 'counts', 'time']

/** Prints one table for each engine at the end of the run. */
export const tables: Reporter = {
  onTestRunEnd(modules) {
    const tests = modules.flatMap(testsOf)
    for (const engine of new Set(tests.map(engineOf)))
      printTable(
        engine,
        tests.filter((test) => engineOf(test) === engine),
      )
  },
}

function testsOf({ children }: TestModule): TestCase[] {
  return [...children.allTests()]
}

function engineOf({ project }: TestCase): string {
  return project.name
}

function printTable(engine: string, tests: readonly TestCase[]): void {
  const version = tests.map((test) => test.meta().engine).find(Boolean) ?? 'not started'
  const rows = [HEAD, HEAD.map(() => '---'), ...tests.map(rowOf)]
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  const lines = rows.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`)
  console.log(`\n${engine}: ${version}\n\n${lines.join('\n')}`)
}

function rowOf(test: TestCase): Row {
  const seconds = ((test.diagnostic()?.duration ?? 0) / 1000).toFixed(1)
  return [test.fullName, test.result().state, test.meta().counts ?? '', `${seconds} s`]
}
