import { fc } from './seeded.testing.ts'
import { describe, expect, test } from 'vitest'
import { BoundedMap } from './bounded-map.ts'

describe('BoundedMap', () => {
  test('forgets the oldest entry when it is full', () => {
    const map = new BoundedMap<string, number>(2)
    map.set('a', 1)
    map.set('b', 2)
    map.set('c', 3)
    expect([map.get('a'), map.get('b'), map.get('c')]).toEqual([undefined, 2, 3])
    expect(map.size).toBe(2)
  })

  test('takes an entry that is set again as new', () => {
    const map = new BoundedMap<string, number>(2)
    map.set('a', 1)
    map.set('b', 2)
    map.set('a', 3)
    map.set('c', 4)
    expect([map.get('a'), map.get('b'), map.get('c')]).toEqual([3, undefined, 4])
  })

  test('keeps nothing with a limit of 0', () => {
    const map = new BoundedMap<string, number>(0)
    map.set('a', 1)
    expect(map.get('a')).toBeUndefined()
    expect(map.size).toBe(0)
  })

  test('forgets what is deleted', () => {
    const map = new BoundedMap<string, number>(2)
    map.set('a', 1)
    map.delete('a')
    map.delete('b')
    expect(map.get('a')).toBeUndefined()
    expect(map.size).toBe(0)
  })

  test('keeps the last ones set, whatever is done to it', () => {
    const step = fc.record({ key: fc.nat(8), remove: fc.boolean() })
    fc.assert(
      fc.property(fc.nat(5), fc.array(step, { maxLength: 60 }), (most, steps) => {
        const map = new BoundedMap<number, number>(most)
        let model: [key: number, value: number][] = []
        steps.forEach(({ key, remove }, value) => {
          if (remove) map.delete(key)
          else map.set(key, value)
          model = model.filter(([other]) => other !== key)
          if (!remove) model = [...model, [key, value] as [number, number]].slice(most ? -most : model.length + 1)
          expect(map.size).toBe(model.length)
          for (let each = 0; each <= 8; each++) expect(map.get(each)).toBe(new Map(model).get(each))
        })
      }),
    )
  })
})
