// The components are compiled as they are loaded, without Angular's compiler for builds.
import '@angular/compiler'
import { type ApplicationRef, createComponent } from '@angular/core'
import { bootstrapApplication, createApplication, provideClientHydration } from '@angular/platform-browser'
import type { BindingRig, Mounted } from '../rig.ts'
import { PartsComponent, provideParts } from './parts.ts'

function mounted(starting: Promise<ApplicationRef>, target?: Element): Mounted {
  let app: ApplicationRef | undefined
  return {
    async settle() {
      app = await starting
      // The scheduler renders in a task of its own.
      await new Promise((resolve) => void setTimeout(resolve))
      await app.whenStable()
    },
    unmount() {
      app?.destroy()
      // Angular leaves what is in a host that it did not create.
      target?.replaceChildren()
    },
  }
}

export const rigs: readonly BindingRig[] = [
  {
    name: 'Angular',
    renders: 1,
    hasErrorBoundaries: false,
    mount(target, parts, onError) {
      const start = async () => {
        const app = await createApplication({ providers: provideParts(parts, onError) })
        const { injector: environmentInjector } = app
        app.attachView(createComponent(PartsComponent, { hostElement: target, environmentInjector }).hostView)
        return app
      }
      return mounted(start(), target)
    },
    hydrate: (_, parts) =>
      mounted(bootstrapApplication(PartsComponent, { providers: [provideParts(parts), provideClientHydration()] })),
  },
]
