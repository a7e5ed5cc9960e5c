import { describe, expect, test } from 'vitest'
import type { BindingStore, ExternalBinding } from './binder.ts'

const ISSUER = 'https://id.example'

/** A binding that differs from all others but for what is given. */
function binding(more: Partial<ExternalBinding> = {}): ExternalBinding {
  const name = crypto.randomUUID()
  return { issuer: ISSUER, subject: `user-${name}`, principal: name, thumbprint: `thumbprint-${name}`, ...more }
}

/** What every {@link BindingStore} must do. */
export function acceptBindingStore(open: () => Promise<BindingStore>): void {
  describe('a binding store', () => {
    test('finds what was inserted, and nothing else', async () => {
      const store = await open()
      const made = binding()
      expect(await store.find(made.issuer, made.subject)).toBeNull()
      expect(await store.insert(made)).toEqual(made)
      expect(await store.find(made.issuer, made.subject)).toEqual(made)
      expect(await store.find('https://other.example', made.subject)).toBeNull()
      expect(await store.find(made.issuer, 'other')).toBeNull()
    })

    test('tells apart what runs together', async () => {
      const store = await open()
      await store.insert(binding({ issuer: 'https://id.example/a', subject: 'b' }))
      expect(await store.find('https://id.example/', 'ab')).toBeNull()
      expect(await store.find('https://id.example/a","', 'b')).toBeNull()
    })

    test('an account keeps its first principal', async () => {
      const store = await open()
      const made = binding()
      await store.insert(made)
      expect(await store.insert(binding({ subject: made.subject }))).toEqual(made)
      expect(await store.insert(made)).toEqual(made)
      expect(await store.find(made.issuer, made.subject)).toEqual(made)
    })

    test('a principal keeps its first account', async () => {
      const store = await open()
      const made = binding()
      await store.insert(made)
      const { principal, thumbprint } = made
      for (const other of [
        binding({ principal, thumbprint }),
        binding({ principal, thumbprint, issuer: 'https://other.example', subject: made.subject }),
      ]) {
        expect(await store.insert(other)).toBeNull()
        expect(await store.find(other.issuer, other.subject)).toBeNull()
      }
      expect(await store.find(made.issuer, made.subject)).toEqual(made)
    })

    test('a principal that was refused can go elsewhere', async () => {
      const store = await open()
      const made = binding()
      await store.insert(made)
      const late = binding({ subject: made.subject })
      await store.insert(late)
      const free = { ...late, subject: 'another account' }
      expect(await store.insert(free)).toEqual(free)
    })

    test('five principals at once for one account: one, and everybody hears the same', async () => {
      const store = await open()
      const { subject } = binding()
      const tried = Array.from({ length: 5 }, () => binding({ subject }))
      const answers = await Promise.all(tried.map((each) => store.insert(each)))
      const kept = await store.find(ISSUER, subject)
      expect(tried).toContainEqual(kept)
      expect(answers).toEqual(Array(5).fill(kept))
    })

    test('five accounts at once for one principal: at most one, and nobody is told otherwise', async () => {
      const store = await open()
      const { principal, thumbprint } = binding()
      const tried = Array.from({ length: 5 }, () => binding({ principal, thumbprint }))
      const answers = await Promise.all(tried.map((each) => store.insert(each)))
      const kept = await Promise.all(tried.map((each) => store.find(each.issuer, each.subject)))
      expect(answers.filter((answer) => answer !== null)).toHaveLength(1)
      expect(kept).toEqual(answers)
    })

    test('uses a name up', async () => {
      const store = await open()
      const until = new Date(Date.now() + 60_000)
      const answers = await Promise.all([1, 2, 3].map(() => store.useOnce('name', until)))
      expect(answers.filter(Boolean)).toHaveLength(1)
      expect(await store.useOnce('name', until)).toBe(false)
      expect(await store.useOnce('other', until)).toBe(true)
    })
  })
}
