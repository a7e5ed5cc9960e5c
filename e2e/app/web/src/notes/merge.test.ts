import { isDeepStrictEqual } from 'node:util'
import { expect, test } from 'vitest'
import { type Base, mergeNote } from './merge.ts'
import type { Note, NoteText, ServerNote } from './note.ts'

const SIDES = ['', 'base', 'here', 'there'] as const
const note = (text: NoteText, deleted: boolean, updatedAt: number): ServerNote => ({
  ...{ id: 'n', ...text, deleted, updatedAt },
})
const mineOf = (text: NoteText, deleted: boolean): Note => ({ ...note(text, deleted, 20), owner: 'o' })

/** Every pair of title and body, with and without a version from before, deleted or not. */
function* cases(): Generator<{ mine: Note; base: Base | null; theirs: ServerNote }> {
  const texts = SIDES.flatMap((title) => SIDES.map((body) => ({ title, body })))
  for (const base of [null, { title: 'base', body: 'base', updatedAt: 5 }])
    for (const mine of texts)
      for (const theirs of texts)
        for (const [here, there] of [
          [false, false],
          [true, false],
          [false, true],
          [true, true],
        ] as const)
          yield {
            mine: mineOf(mine, here),
            base,
            theirs: note(there ? { title: '', body: '' } : theirs, there, 10),
          }
}

test('no text that either side wrote is lost, in any combination', () => {
  const lost: unknown[] = []
  for (const { mine, base, theirs } of cases()) {
    const { note: kept, copy } = mergeNote(mine, base, theirs)
    const shown = [kept, copy].filter((each) => each && !each.deleted)
    for (const field of ['title', 'body'] as const) {
      const texts = shown.map((each) => each![field].replace(/ ?\(conflict copy\)$/, ''))
      for (const side of [mine, theirs]) {
        const isWritten = !side.deleted && side[field] !== (base?.[field] ?? '')
        if (isWritten && !texts.includes(side[field])) lost.push({ mine, base, theirs, field })
      }
    }
  }
  expect(lost).toEqual([])
})

test('what is pending is later than both, and the rest is the version of the server', () => {
  const wrong: unknown[] = []
  for (const { mine, base, theirs } of cases()) {
    const { note: kept, isPending } = mergeNote(mine, base, theirs)
    const isRight = isPending
      ? kept.updatedAt > Math.max(mine.updatedAt, theirs.updatedAt)
      : isDeepStrictEqual(kept, { ...theirs, owner: 'o' })
    if (!isRight) wrong.push({ mine, base, theirs })
  }
  expect(wrong).toEqual([])
})

test('a copy is made only if both changed the same field', () => {
  const wrong: unknown[] = []
  for (const { mine, base, theirs } of cases()) {
    const isConflict =
      !mine.deleted &&
      !theirs.deleted &&
      (['title', 'body'] as const).some((field) => new Set([mine[field], theirs[field], base?.[field]]).size === 3)
    if ((mergeNote(mine, base, theirs).copy !== undefined) !== isConflict) wrong.push({ mine, base, theirs })
  }
  expect(wrong).toEqual([])
})
