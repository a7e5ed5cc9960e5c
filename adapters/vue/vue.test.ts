import { createRenderer, defineComponent, effectScope, h, nextTick, ref } from 'vue'
import { expect, test } from 'vitest'
import { createAuth, memoryStore } from '../../lib/index.ts'
import { useAuth } from './index.ts'
// Loaded in advance: the time limit of the client is for a network, not for a compiler.
import '../../lib/client/lazy.ts'

interface Item {
  readonly children: Item[]
  parent?: Item
}

const newItem = (): Item => ({ children: [] })
const put = (item: Item, parent: Item): void => void (item.parent = (parent.children.push(item), parent))

/** Vue itself on a tree that is no document. */
const { render } = createRenderer<Item, Item>({
  insert: put,
  remove: (item) => void item.parent?.children.splice(item.parent.children.indexOf(item), 1),
  createElement: newItem,
  createText: newItem,
  createComment: newItem,
  setText: () => {},
  setElementText: () => {},
  patchProp: () => {},
  parentNode: (item) => item.parent ?? null,
  nextSibling: () => null,
})

async function started() {
  const auth = createAuth({ keystore: memoryStore(), audience: 'https://notes.example', initialMode: 'anonymous' })
  await auth.ready
  let following = 0
  return {
    auth: {
      ...auth,
      subscribe(listener: Parameters<typeof auth.subscribe>[0]) {
        const stop = auth.subscribe(listener)
        following++
        return () => (following--, stop())
      },
    },
    following: () => following,
  }
}

/** A component that shows nothing. */
const calling = (setup: () => void) => defineComponent({ setup: () => (setup(), () => h('p')) })

test('a ref that components share goes on when the first of them is gone', async () => {
  const { auth, following } = await started()
  const scope = effectScope(true)
  let mode = ref<string>()
  const root = newItem()
  render(h(calling(() => scope.run(() => void (mode = useAuth(auth, ({ authMode }) => authMode))))), root)
  expect(mode.value).toBe('anonymous')
  render(null, root)
  await auth.ensureIdentity()
  expect(mode.value).toBe('local-first')
  scope.stop()
  expect(following()).toBe(0)
})

test('a component that is gone follows nothing', async () => {
  const { auth, following } = await started()
  const root = newItem()
  render(h(calling(() => void useAuth(auth))), root)
  expect(following()).toBe(1)
  render(null, root)
  await nextTick()
  expect(following()).toBe(0)
})

test('a scope that ended before the component was mounted follows nothing', async () => {
  const { auth, following } = await started()
  const scope = effectScope(true)
  const setup = (): void => {
    scope.run(() => useAuth(auth))
    scope.stop()
  }
  render(h(calling(setup)), newItem())
  expect(following()).toBe(0)
})
