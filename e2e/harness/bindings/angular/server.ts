// The components are compiled as they are loaded, without Angular's compiler for builds.
import '@angular/compiler'
import { bootstrapApplication, provideClientHydration } from '@angular/platform-browser'
import { provideServerRendering, renderApplication } from '@angular/platform-server'
import type { Part } from '../rig.ts'
import { PartsComponent, provideParts } from './parts.ts'

const DOCUMENT = '<!doctype html><html><head></head><body><latchkey-parts></latchkey-parts></body></html>'

/** Returns the body: hydration needs the script that Angular puts at its end. */
export async function render(parts: readonly Part[]): Promise<string> {
  const providers = [provideParts(parts), provideClientHydration(), provideServerRendering()]
  const html = await renderApplication((context) => bootstrapApplication(PartsComponent, { providers }, context), {
    document: DOCUMENT,
    url: '/',
  })
  return /<body[^>]*>([\s\S]*)<\/body>/.exec(html)![1]!
}
