import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ACCEPTED_MUTANTS } from '../tools/campaigns/accepted-mutants.mjs'
import { mutantsOf } from '../tools/campaigns/mutators.mjs'

const FILES = [...new Set(ACCEPTED_MUTANTS.map(({ file }) => file))]

test.each(FILES)('every mutant of %s that no test has to notice is one of its code today', (file) => {
  const mutants = mutantsOf(file, readFileSync(file, 'utf8'))
  for (const { line, mutator } of ACCEPTED_MUTANTS.filter((entry) => entry.file === file))
    expect(mutants.map((mutant) => `${mutant.line} (${mutant.mutator})`)).toContain(`${line} (${mutator})`)
})
