import { spawnSync } from 'node:child_process'
import { findBrowser, findProgram, installPackages } from '../tools/campaigns/browser.mjs'
import type { Engine } from './browser.ts'
import { findOldChromium } from './old-chromium.ts'

/** Something that an engine cannot run without. */
interface Need {
  /** The Debian package that brings it. */
  readonly brings: string
  find(): string | undefined
}

/** Paths of programs, by what they are for. */
export type Programs = Readonly<Record<string, string>>

const NEEDS: Record<Exclude<Engine, `chromium${string}`>, Readonly<Record<string, Need>>> = {
  firefox: {
    browser: {
      brings: 'firefox-esr',
      find: () => process.env['LATCHKEY_FIREFOX'] ?? findProgram(['firefox-esr', 'firefox']),
    },
  },
  webkit: {
    driver: { brings: 'webkit2gtk-driver', find: () => findProgram(['WebKitWebDriver']) },
    screen: { brings: 'xvfb', find: () => findProgram(['Xvfb']) },
    interpreter: { brings: 'gjs', find: () => findProgram(['gjs']) },
    bindings: { brings: 'gir1.2-webkit2-4.1', find: findBindings },
  },
}

/**
 * Finds the programs of an engine, and installs what is missing where that is possible.
 *
 * @throws {Error} with the names of the packages that are missing
 */
export function findPrograms(engine: Engine): Programs {
  if (engine === 'chromium') return { browser: findBrowser() }
  if (engine === 'chromium-102') return findOldChromium()
  const needs = Object.entries(NEEDS[engine])
  const missing = (): string[] => needs.filter(([, { find }]) => !find()).map(([, { brings }]) => brings)
  if (missing().length) installPackages(missing())
  if (missing().length)
    throw new Error(`${engine} cannot run here, packages are missing: apt-get install ${missing().join(' ')}`)
  return Object.fromEntries(needs.map(([name, { find }]) => [name, find()!]))
}

function findBindings(): string | undefined {
  const gjs = findProgram(['gjs'])
  const script = "imports.gi.versions.Gtk = '3.0'; imports.gi.versions.WebKit2 = '4.1'; imports.gi.WebKit2"
  return gjs && spawnSync(gjs, ['-c', script], { stdio: 'ignore' }).status === 0 ? 'WebKit2 4.1' : undefined
}
