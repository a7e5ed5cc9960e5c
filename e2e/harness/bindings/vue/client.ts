import { type App, createApp, createSSRApp, nextTick } from 'vue'
import type { BindingRig, Mounted } from '../rig.ts'
import { createParts } from './parts.ts'

const mounted = (app: App): Mounted => ({ settle: () => nextTick(), unmount: () => app.unmount() })

export const rigs: readonly BindingRig[] = [
  {
    name: 'Vue',
    renders: 1,
    hasErrorBoundaries: true,
    mount(target, parts, onError) {
      const app = createApp(createParts(parts))
      app.config.errorHandler = onError
      app.mount(target)
      return mounted(app)
    },
    hydrate(target, parts) {
      const app = createSSRApp(createParts(parts))
      app.mount(target)
      return mounted(app)
    },
  },
]
