declare module '*.svelte' {
  import type { Component } from 'svelte'
  import type { Part } from '../rig.ts'

  const component: Component<{ parts: readonly Part[]; onError?: (error: unknown) => void }>
  export default component
}
