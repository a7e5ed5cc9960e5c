import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ATTACKS } from '../tools/campaigns/attack-table.mjs'
import { placesOf } from '../tools/campaigns/source-text.mjs'

test.each(ATTACKS.map(({ attack, patches, test: { file } }) => [attack, patches, file] as const))(
  '%s: the defence stands in the code once, and the file of its test exists',
  (_, patches, file) => {
    for (const { file: source, find } of patches)
      expect(placesOf(find, readFileSync(source, 'utf8')), `${source}: ${find}`).toHaveLength(1)
    expect(existsSync(file)).toBe(true)
  },
)
