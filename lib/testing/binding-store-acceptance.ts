import type { BindingStore, ExternalBinding } from '../server/bindings/binding-store.ts'
import { namespacedPrincipal } from '../server/external/principals.ts'
import type { AcceptanceCase } from './store-acceptance.ts'

/**
 * Acceptance tests that every {@link BindingStore} must pass. They need no test runner: call `run` of each case.
 *
 * @param open - opens an empty store, a new one on each call
 */
export function bindingStoreAcceptance(open: () => Promise<BindingStore>): AcceptanceCase[] {
  return Object.entries(CASES).map(([name, check]) => ({ name, run: async () => check(await open()) }))
}

const ISSUER = 'https://id.example'

/** A binding that differs from all others except in the given members. */
function binding(more: Partial<ExternalBinding> = {}): ExternalBinding {
  const name = crypto.randomUUID()
  return { issuer: ISSUER, subject: `user-${name}`, principal: name, thumbprint: `thumbprint-${name}`, ...more }
}

const CASES: Readonly<Record<string, (store: BindingStore) => Promise<void>>> = {
  async 'finds an inserted binding, and nothing else'(store) {
    const made = binding()
    expectEqual(await store.find(made.issuer, made.subject), null)
    expectEqual(await store.insert(made), made)
    expectEqual(await store.find(made.issuer, made.subject), made)
    expectEqual(await store.find('https://other.example', made.subject), null)
    expectEqual(await store.find(made.issuer, 'other'), null)
  },

  async 'keeps issuer and subject apart'(store) {
    await store.insert(binding({ issuer: 'https://id.example/a', subject: 'b' }))
    expectEqual(await store.find('https://id.example/', 'ab'), null)
    expectEqual(await store.find('https://id.example/a","', 'b'), null)
  },

  async 'stores a binding without a device key, of an account that is its own principal'(store) {
    const { subject } = binding()
    const made = binding({ subject, principal: await namespacedPrincipal(ISSUER, subject), thumbprint: null })
    expectEqual(await store.insert(made), made)
    expectEqual(await store.find(made.issuer, made.subject), made)
  },

  async 'an account keeps its first principal'(store) {
    const made = binding()
    await store.insert(made)
    expectEqual(await store.insert(binding({ subject: made.subject })), made)
    expectEqual(await store.insert(made), made)
    expectEqual(await store.find(made.issuer, made.subject), made)
  },

  async 'a principal keeps its first account'(store) {
    const made = binding()
    await store.insert(made)
    const { principal, thumbprint } = made
    for (const other of [
      binding({ principal, thumbprint }),
      binding({ principal, thumbprint, issuer: 'https://other.example', subject: made.subject }),
    ]) {
      expectEqual(await store.insert(other), null)
      expectEqual(await store.find(other.issuer, other.subject), null)
    }
    expectEqual(await store.find(made.issuer, made.subject), made)
  },

  async 'a refused principal can be bound to another account'(store) {
    const made = binding()
    await store.insert(made)
    const late = binding({ subject: made.subject })
    await store.insert(late)
    const free = { ...late, subject: 'another account' }
    expectEqual(await store.insert(free), free)
  },

  async 'of five concurrent principals for one account one is kept, and every caller gets that one'(store) {
    const { subject } = binding()
    const tried = Array.from({ length: 5 }, () => binding({ subject }))
    const answers = await Promise.all(tried.map((each) => store.insert(each)))
    const kept = await store.find(ISSUER, subject)
    expectEqual(
      tried.some((each) => inspect(each) === inspect(kept)),
      true,
    )
    expectEqual(answers, Array(5).fill(kept))
  },

  async 'of five concurrent accounts for one principal one is kept, and all others are refused'(store) {
    const { principal, thumbprint } = binding()
    const tried = Array.from({ length: 5 }, () => binding({ principal, thumbprint }))
    const answers = await Promise.all(tried.map((each) => store.insert(each)))
    const kept = await Promise.all(tried.map((each) => store.find(each.issuer, each.subject)))
    expectEqual(answers.filter((answer) => answer !== null).length, 1)
    expectEqual(kept, answers)
  },

  async 'a name is used once, also by three concurrent callers'(store) {
    const until = new Date(Date.now() + 60_000)
    const answers = await Promise.all([1, 2, 3].map(() => store.useOnce('name', until)))
    expectEqual(answers.filter(Boolean).length, 1)
    expectEqual(await store.useOnce('name', until), false)
    expectEqual(await store.useOnce('other', until), true)
  },
}

/** Compares as JSON, whatever the order of the members. */
export function expectEqual(actual: unknown, expected: unknown): void {
  const [left, right] = [inspect(actual), inspect(expected)]
  if (left !== right) throw new Error(`expected ${right}, got ${left}`)
}

/** JSON with sorted members: a database row has its own order. */
function inspect(value: unknown): string {
  return String(JSON.stringify(value, (_, part: unknown) => (isRecord(part) ? sorted(part) : part)))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function sorted(record: Record<string, unknown>): object {
  return Object.fromEntries(Object.entries(record).sort(([left], [right]) => (left < right ? -1 : 1)))
}
