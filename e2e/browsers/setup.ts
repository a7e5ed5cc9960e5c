import type { TestProject } from 'vitest/node'
import type { Engine } from './browser.ts'
import { type Programs, findPrograms } from './programs.ts'

declare module 'vitest' {
  interface ProvidedContext {
    engine: Engine
    programs: Programs
  }
}

/** Runs once for each engine, before its tests. */
export function setup(project: TestProject): void {
  const engine = project.name as Engine
  project.provide('engine', engine)
  project.provide('programs', findPrograms(engine))
}
