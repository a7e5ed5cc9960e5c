import { useAuth, useBackups, useDevices, useUpgrade } from 'latchkey/vue'
import type { AuthState } from 'latchkey'
import { type Component, type Ref, defineComponent, h, ref } from 'vue'
import type { Part } from '../rig.ts'

function use({ auth, select, ...part }: Part): Readonly<Ref<unknown>> {
  if (part.use === 'upgrade') return useUpgrade(auth)
  if (part.use === 'devices') return useDevices(auth)
  if (part.use === 'backups') return useBackups(auth)
  if (part.use === 'auth') return select ? useAuth(auth, select) : useAuth(auth)
  const field = ref<keyof AuthState>('authMode')
  part.expose?.((next) => (field.value = next))
  return useAuth(auth, (state) => state[field.value])
}

const PartComponent = defineComponent({
  props: { part: { type: Object as () => Part, required: true } },
  setup({ part }) {
    const value = use(part)
    return () =>
      h('p', { 'data-testid': part.id }, [
        part.show(value.value as never),
        part.isMarked?.(value.value as never) ? h('em') : null,
      ])
  },
})

export function createParts(parts: readonly Part[]): Component {
  return {
    render: () =>
      h(
        'main',
        parts.map((part) => h(PartComponent, { key: part.id, part })),
      ),
  }
}
