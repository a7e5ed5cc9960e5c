import { ErrorBoundary, For, Show, createSignal } from 'solid-js'
import { useAuth, useBackups, useDevices, useUpgrade } from 'latchkey/solid'

/** @param {import('../rig.ts').Part} part */
function use(part) {
  if (part.use === 'upgrade') return useUpgrade(part.auth)
  if (part.use === 'devices') return useDevices(part.auth)
  if (part.use === 'backups') return useBackups(part.auth)
  if (part.use === 'auth') return useAuth(part.auth, part.select)
  const [field, setField] = createSignal('authMode')
  part.expose?.(setField)
  return useAuth(part.auth, (state) => state[field()])
}

function Part(props) {
  const value = use(props.part)
  return (
    <p data-testid={props.part.id}>
      {props.part.show(value())}
      <Show when={props.part.isMarked?.(value())}>
        <em />
      </Show>
    </p>
  )
}

/** @param {{ parts: readonly import('../rig.ts').Part[], onError?: (error: unknown) => void }} props */
export function Parts(props) {
  return (
    <main>
      <For each={props.parts}>
        {(part) => (
          <ErrorBoundary fallback={(error) => void props.onError?.(error)}>
            <Part part={part} />
          </ErrorBoundary>
        )}
      </For>
    </main>
  )
}
