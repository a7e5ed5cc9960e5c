import { IDBFactory, IDBKeyRange, IDBObjectStore } from 'fake-indexeddb'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createNote } from './note.ts'
import { createSaver } from './saver.ts'
import { readLocalNotes } from './store.ts'

beforeEach(() => {
  vi.stubGlobal('indexedDB', new IDBFactory())
  vi.stubGlobal('IDBKeyRange', IDBKeyRange)
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
  vi.useRealTimers()
})

test('on a full disk that can be read, typed text counts as unsaved until it is written', async () => {
  const saver = createSaver(vi.fn(), vi.fn())
  const note = { ...createNote('owner'), title: 'Typed' }
  const full = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
    throw new DOMException('full', 'QuotaExceededError')
  })
  saver.save({ note, change: { title: note.title } })
  await saver.settled()
  expect(saver.isFailing()).toBe(true)
  expect(await saver.guard(readLocalNotes('owner'))).toMatchObject({ notes: [] })
  expect(saver.isFailing()).toBe(true)

  full.mockRestore()
  vi.runAllTimers()
  await saver.settled()
  expect(saver.isFailing()).toBe(false)
  expect(await saver.guard(readLocalNotes('owner'))).toMatchObject({ notes: [{ title: 'Typed' }] })
})

test('a read that failed is over with the next one', async () => {
  const saver = createSaver(vi.fn(), vi.fn())
  await saver.guard(Promise.reject(new DOMException('gone', 'UnknownError')))
  expect(saver.isFailing()).toBe(true)
  await saver.guard(readLocalNotes('owner'))
  expect(saver.isFailing()).toBe(false)
})
